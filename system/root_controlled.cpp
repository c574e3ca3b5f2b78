#include "system/root_controlled.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "system/descriptor.h"

namespace secshr {
namespace {

constexpr mode_t writable_by_group_or_others = S_IWGRP | S_IWOTH;

struct Component {
  Descriptor descriptor;
  struct stat status{};
  PathFault fault = PathFault::none;
};

PathFault fault_of(int error) noexcept {
  switch (error) {
    case ENOENT:
      return PathFault::missing;
    case ENAMETOOLONG:
      return PathFault::too_long;
    case ENOTDIR:
    case EISDIR:
      return PathFault::wrong_type;
    case ELOOP:
      return PathFault::symbolic_link;
    default:
      return PathFault::inaccessible;
  }
}

// Root's, and a directory or (only as the last component) a regular file.
PathFault check_kind(const struct stat& status, bool last) noexcept {
  if (S_ISLNK(status.st_mode)) return PathFault::symbolic_link;
  if (!S_ISDIR(status.st_mode) && !(last && S_ISREG(status.st_mode))) return PathFault::wrong_type;
  return status.st_uid == 0 ? PathFault::none : PathFault::not_root_owned;
}

// O_PATH: nothing is opened for reading, and no FIFO or device notices, before it is known what it is.
Component open_component(int directory, const char* name, bool last) noexcept {
  Component component;
  component.descriptor.reset(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!component.descriptor || ::fstat(component.descriptor.get(), &component.status) != 0) {
    component.fault = fault_of(errno);
  } else {
    component.fault = check_kind(component.status, last);
  }
  return component;
}

PathFault check_step(const struct stat& directory, const struct stat& next) noexcept {
  if ((directory.st_mode & writable_by_group_or_others) == 0) return PathFault::none;
  if ((directory.st_mode & S_ISVTX) != 0 && S_ISDIR(next.st_mode)) return PathFault::none;
  return PathFault::writable_by_others;
}

// Through the descriptor, never again through the name: what was checked is what is opened.
RootControlled reopen(Descriptor checked, int flags) noexcept {
  if ((flags & O_PATH) != 0) return {checked.release(), PathFault::none};
  std::array<char, 32> path{"/proc/self/fd/"};
  char* const digits = path.data() + std::strlen(path.data());
  *std::to_chars(digits, path.data() + path.size() - 1, checked.get()).ptr = '\0';
  // O_NOFOLLOW would refuse the magic link itself.
  const int opened = ::open(path.data(), (flags & ~O_NOFOLLOW) | O_CLOEXEC | O_NOCTTY);
  if (opened >= 0) return {opened, PathFault::none};
  return {-1, errno == ENOENT ? PathFault::inaccessible : fault_of(errno)};
}

// Takes the next component off the front of `rest`; empty at the end.
std::string_view take_name(const char*& rest) noexcept {
  std::string_view name;
  do {
    while (*rest == '/') ++rest;
    const char* const start = rest;
    while (*rest != '/' && *rest != '\0') ++rest;
    name = std::string_view(start, rest);
  } while (name == ".");
  return name;
}

}  // namespace

RootControlled open_root_controlled(const char* absolute_path, int flags) noexcept {
  if (absolute_path == nullptr || *absolute_path != '/') return {-1, PathFault::not_absolute};
  if (std::strlen(absolute_path) >= PATH_MAX) return {-1, PathFault::too_long};

  std::string_view name = take_name(absolute_path);
  Component current = open_component(AT_FDCWD, "/", true);
  while (current.fault == PathFault::none && !name.empty()) {
    if (name == "..") return {-1, PathFault::not_absolute};
    std::array<char, NAME_MAX + 1> text{};
    if (name.size() >= text.size()) return {-1, PathFault::too_long};
    std::copy(name.begin(), name.end(), text.begin());
    name = take_name(absolute_path);
    Component next = open_component(current.descriptor.get(), text.data(), name.empty());
    if (next.fault == PathFault::none) next.fault = check_step(current.status, next.status);
    current = std::move(next);
  }
  if (current.fault != PathFault::none) return {-1, current.fault};
  if ((current.status.st_mode & writable_by_group_or_others) != 0) return {-1, PathFault::writable_by_others};
  return reopen(std::move(current.descriptor), flags);
}

const char* describe(PathFault fault) noexcept {
  switch (fault) {
    case PathFault::none:
      return "none";
    case PathFault::not_absolute:
      return "not-absolute";
    case PathFault::too_long:
      return "too-long";
    case PathFault::missing:
      return "missing";
    case PathFault::not_root_owned:
      return "not-root-owned";
    case PathFault::writable_by_others:
      return "writable-by-others";
    case PathFault::symbolic_link:
      return "symbolic-link";
    case PathFault::wrong_type:
      return "wrong-type";
    case PathFault::inaccessible:
      return "inaccessible";
  }
  return "unknown";
}

}  // namespace secshr
