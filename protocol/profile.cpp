// The table of profiles.
#include "protocol/profile.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "protocol/limits.h"

namespace secshr::protocol {
namespace {

constexpr std::array<std::string_view, 1> gtm_tmp_variables{"gtm_tmp"};
constexpr std::array<std::string_view, 1> gtm_log_variables{"gtm_log"};
constexpr std::array<std::string_view, 2> ydb_tmp_variables{"ydb_tmp", "gtm_tmp"};
constexpr std::array<std::string_view, 2> ydb_log_variables{"ydb_log", "gtm_log"};
constexpr std::array<std::string_view, 1> generic_tmp_variables{"secshr_tmp"};
constexpr std::array<std::string_view, 1> generic_log_variables{"secshr_log"};

constexpr Profile gtm{.id = ProfileId::gtm,
                      .name = "gtm",
                      .socket_prefix = "gtm_secshr",
                      .mutex_socket_prefix = "gtm_mutex",
                      .tmp_variables = gtm_tmp_variables,
                      .log_variables = gtm_log_variables,
                      .dist_variable = "gtm_dist",
                      .access_file = "libgtmshr.so",
                      .syslog_ident = "GTM-SECSHR",
                      .facility = "GTM"};

// The prefix is known for YottaDB's server socket; for its client sockets, of which nothing else is known, the same
// one is taken. So it is with the order of the log variables, which follows that of the tmp variables.
constexpr Profile ydb{.id = ProfileId::ydb,
                      .name = "ydb",
                      .socket_prefix = "ydb_secshr",
                      .mutex_socket_prefix = "gtm_mutex",
                      .tmp_variables = ydb_tmp_variables,
                      .log_variables = ydb_log_variables,
                      .dist_variable = "ydb_dist",
                      .access_file = "libyottadb.so",
                      .syslog_ident = "YDB-SECSHR",
                      .facility = "YDB"};

// There is no release of these that had other sockets.
constexpr Profile generic{.id = ProfileId::generic,
                          .name = "generic",
                          .socket_prefix = "secshr",
                          .mutex_socket_prefix = "",
                          .tmp_variables = generic_tmp_variables,
                          .log_variables = generic_log_variables,
                          .dist_variable = "secshr_dist",
                          .access_file = "gtmsecshr",
                          .syslog_ident = "SECSHR",
                          .facility = "SECSHR"};

// In the order of their ids.
constexpr std::array profiles{gtm, ydb, generic};
static_assert(std::ranges::all_of(profiles, [](const Profile& each) {
  return &each == &profiles[static_cast<std::size_t>(each.id)] && !each.socket_prefix.empty() &&
         each.socket_prefix.size() <= maximum_socket_prefix &&
         each.mutex_socket_prefix.size() <= maximum_socket_prefix;
}));

}  // namespace

const Profile* find_profile(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(profiles, name, &Profile::name);
  return found != profiles.end() ? found : nullptr;
}

const Profile& profile(ProfileId id) noexcept {
  return profiles[static_cast<std::size_t>(id)];
}

}  // namespace secshr::protocol
