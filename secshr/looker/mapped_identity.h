// How /proc/<pid>/maps names files: found out by mapping them and reading one's own maps, since the device that
// stat(2) gives is another on some file systems.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "secshr/looker/proc_maps.h"
#include "system/descriptor.h"

namespace secshr {

// The tmpfs of the kernel's own in which segments and shared anonymous pages are files. `path` and `inode` are of no
// use.
[[nodiscard]] std::optional<MappedFile> kernel_tmpfs() noexcept;

// A program and a descriptor that keeps its inode from being given to another file, for as long as it is known by it.
struct Program {
  MappedFile identity;
  Descriptor pin;
};

// The programs and libraries of the installation in `directory`: regular files that are ELF. What cannot be read is
// left out: its processes are then not recognised.
[[nodiscard]] std::vector<Program> installation_programs(const std::string& directory);

}  // namespace secshr
