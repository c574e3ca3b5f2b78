// Whether all but the administrators are refused: the file /etc/secshr/lockdown, written by `secshrctl lockdown`.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "installation/configuration_error.h"

namespace secshr {

// Served are root and the members of this group, and nobody else.
struct Lockdown {
  gid_t group = 0;
};

std::expected<Lockdown, ConfigurationError> parse_lockdown(std::string_view text, std::string_view file);
std::string format_lockdown(const Lockdown& lockdown);

// nullopt: there is no such file. Where there is an error whoever reads it has to take it for a lockdown of everybody
// but root: an administrator has wanted one.
std::expected<std::optional<Lockdown>, ConfigurationError> load_lockdown(const char* path);

}  // namespace secshr
