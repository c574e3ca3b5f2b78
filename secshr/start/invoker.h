// The user who ran the wrapper, and what that user may do: a directory named in its environment counts only where it
// could create a file itself.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "system/descriptor.h"

namespace secshr {

struct Invoker {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// From the arguments that handoff.h describes; the groups are the process's own, which are dropped here.
[[nodiscard]] std::optional<Invoker> take_invoker(std::span<char*> arguments);

struct DirectoryFault {
  const char* reason;  // "missing", "not-a-directory", "not-creatable", "file-system", "not-absolute"
  int error;
};

// Opens it with O_PATH, without a magic link on the way, as the invoker would. `any_file_system`: also one that is
// not local, where a hung server could hang us.
[[nodiscard]] std::expected<Descriptor, DirectoryFault> open_served_directory(const std::string& path,
                                                                              const Invoker& invoker,
                                                                              bool any_file_system) noexcept;

}  // namespace secshr
