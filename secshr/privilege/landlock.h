// What of the file system is left to a process that opens nothing: by Landlock, where the kernel has it.
#pragma once

#include <expected>
#include <span>
#include <string>

namespace secshr {

// For good: no file is opened, made, changed, run or listed any more, and none removed but below these directories
// (O_PATH descriptors); no abstract socket of others is reached, and no TCP port. As much of that as this kernel can
// do. Not held back by it: what is open already, metadata, O_PATH, and connections to sockets with a path. Needs
// no_new_privs. The error says which step the kernel refused; nothing is restricted then.
[[nodiscard]] std::expected<void, std::string> restrict_files(std::span<const int> may_remove_below);

}  // namespace secshr
