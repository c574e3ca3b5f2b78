// Opening what only root could have put there. Every component from "/" is opened without following links and looked
// at through its own descriptor; the descriptor that comes back is of the very object that was checked. No allocation
// and no exception, since the setuid wrapper compiles this too.
#pragma once

namespace secshr {

enum class PathFault : unsigned char {
  none,
  not_absolute,  // or it holds a ".." component, which no fixed path needs
  too_long,
  missing,
  not_root_owned,
  writable_by_others,
  symbolic_link,
  wrong_type,
  inaccessible,
};

struct RootControlled {
  int descriptor = -1;  // the caller's to close when fault is none
  PathFault fault = PathFault::inaccessible;
};

// A directory on the way is safe when root owns it and only root may write to it. One that others may write to is
// safe only when it is sticky and what follows is a directory of root's: a file of root's could have been linked or
// moved there by others, a directory could not. The last component is a regular file or a directory, root's, and
// writable by nobody else. Empty and "." components are skipped; a ".." or a symbolic link anywhere is refused.
// `flags` are those of open(2) and may have O_PATH; O_CLOEXEC and O_NOCTTY are always added.
[[nodiscard]] RootControlled open_root_controlled(const char* absolute_path, int flags) noexcept;

// A fixed ident for logs, for example "not-root-owned".
[[nodiscard]] const char* describe(PathFault fault) noexcept;

}  // namespace secshr
