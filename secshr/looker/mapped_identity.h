// How /proc/<pid>/maps names files: found out by mapping them and reading one's own maps, since the device that
// stat(2) gives is another on some file systems.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "secshr/looker/proc_maps.h"
#include "system/descriptor.h"

namespace secshr {

// A file of each of the kernel's own file systems that have segments and shared anonymous pages as files: its tmpfs,
// and a hugetlbfs for each size of huge pages that the machine has. `path` and `inode` are of no use. Empty where not
// even the first is found.
[[nodiscard]] std::vector<MappedFile> kernels_own_file_systems();

// A program and a descriptor that keeps its inode from being given to another file, for as long as it is known by it.
struct Program {
  MappedFile identity;
  Descriptor pin;
};

// The programs and libraries of the installation in `directory` (see installation/programs.h).
[[nodiscard]] std::vector<Program> installation_programs(const std::string& directory);

}  // namespace secshr
