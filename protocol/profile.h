// What differs between the programs whose clients speak this protocol: names only. `generic` is for all that are
// neither GT.M nor YottaDB.
#pragma once

#include <span>
#include <string_view>

namespace secshr::protocol {

enum class ProfileId { gtm, ydb, generic };

struct Profile {
  ProfileId id;
  std::string_view name;  // in configuration and logs
  std::string_view socket_prefix;
  std::string_view mutex_socket_prefix;             // the leftovers that old releases ask to remove; may be empty
  std::span<const std::string_view> tmp_variables;  // in order of precedence
  std::span<const std::string_view> log_variables;  // in order of precedence
  std::string_view dist_variable;
  // The file of the installation that all its clients can read, and where others cannot it is its group's alone: the
  // programs' shared library; in a generic one, the wrapper.
  std::string_view access_file;
  std::string_view syslog_ident;
  std::string_view facility;  // as in %GTM-I-GTMSECSHRUPDDBHDR
};

// nullptr for a name that is no profile's.
[[nodiscard]] const Profile* find_profile(std::string_view name) noexcept;
[[nodiscard]] const Profile& profile(ProfileId id) noexcept;

}  // namespace secshr::protocol
