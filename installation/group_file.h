// Numbers of groups by their names, from a file of /etc/group's form: the broker is linked statically, so that no
// name service is there to be asked.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace secshr {

inline constexpr char group_file[] = "/etc/group";

// The first group of that name, as everybody else takes it; nullopt where there is none, or no such file.
std::optional<gid_t> find_group(const char* file, const std::string& name);

}  // namespace secshr
