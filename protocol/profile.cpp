// The table of profiles.
#include "protocol/profile.h"

#include <array>

#include "protocol/limits.h"

namespace secshr::protocol {
namespace {

constexpr std::array<std::string_view, 1> gtm_tmp_variables{"gtm_tmp"};
constexpr std::array<std::string_view, 1> gtm_log_variables{"gtm_log"};
constexpr std::array<std::string_view, 2> ydb_tmp_variables{"ydb_tmp", "gtm_tmp"};
constexpr std::array<std::string_view, 2> ydb_log_variables{"ydb_log", "gtm_log"};

constexpr Profile gtm{.id = ProfileId::gtm,
                      .name = "gtm",
                      .socket_prefix = "gtm_secshr",
                      .mutex_socket_prefix = "gtm_mutex",
                      .tmp_variables = gtm_tmp_variables,
                      .log_variables = gtm_log_variables,
                      .dist_variable = "gtm_dist",
                      .shared_library = "libgtmshr.so",
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
                      .shared_library = "libyottadb.so",
                      .syslog_ident = "YDB-SECSHR",
                      .facility = "YDB"};

static_assert(gtm.socket_prefix.size() <= maximum_socket_prefix);
static_assert(ydb.socket_prefix.size() <= maximum_socket_prefix);
static_assert(gtm.mutex_socket_prefix.size() <= maximum_socket_prefix);
static_assert(ydb.mutex_socket_prefix.size() <= maximum_socket_prefix);

}  // namespace

const Profile* find_profile(std::string_view name) noexcept {
  if (name == gtm.name) return &gtm;
  if (name == ydb.name) return &ydb;
  return nullptr;
}

const Profile& profile(ProfileId id) noexcept {
  return id == ProfileId::ydb ? ydb : gtm;
}

}  // namespace secshr::protocol
