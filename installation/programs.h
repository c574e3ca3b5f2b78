// The programs and libraries of an installation: a process that runs or maps one of them belongs to it.
#pragma once

#include <string>
#include <vector>

#include "system/descriptor.h"

namespace secshr {

// In `directory` itself, not below it: regular files that are ELF, and executable or named as a library. O_PATH, so
// that the inode of none is given to another file as long as it is open. What cannot be read is left out: its
// processes are then not recognised.
[[nodiscard]] std::vector<Descriptor> open_programs(const std::string& directory);

}  // namespace secshr
