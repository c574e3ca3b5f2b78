#include "secshr/start/root_directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "system/root_controlled.h"

namespace secshr {
namespace {

// The directory of that path, which is made where it is missing: but not in one that others could have written to,
// nor through a link. What is wrong, in words.
std::expected<Descriptor, const char*> open_or_make(const std::string& path) {
  constexpr int flags = O_RDONLY | O_DIRECTORY;
  RootControlled opened = open_root_controlled(path.c_str(), flags);
  if (opened.fault == PathFault::missing) {
    const std::size_t slash = path.rfind('/');
    const RootControlled above = open_root_controlled(path.substr(0, slash == 0 ? 1 : slash).c_str(), flags);
    if (above.fault != PathFault::none) return std::unexpected(describe(above.fault));
    const Descriptor parent(above.descriptor);
    if (::mkdirat(parent.get(), path.c_str() + slash + 1, 0755) != 0 && errno != EEXIST) {
      return std::unexpected(std::strerror(errno));
    }
    opened = open_root_controlled(path.c_str(), flags);
  }
  if (opened.fault != PathFault::none) return std::unexpected(describe(opened.fault));
  return Descriptor(opened.descriptor);
}

bool is_the_disks(int error) noexcept {
  return error == EROFS || error == EIO || error == ENOSPC || error == EDQUOT;
}

}  // namespace

std::expected<Descriptor, PlaceFault> open_place(const std::string& base, const std::string& name) {
  const std::string path = base + "/" + name;
  if (const auto made = open_or_make(base); !made) return std::unexpected(PlaceFault{path, made.error()});
  auto place = open_or_make(path);
  if (!place) return std::unexpected(PlaceFault{path, place.error()});
  return *std::move(place);
}

std::expected<Descriptor, PlaceFault> open_log(int directory, const char* name, mode_t mode) {
  Descriptor file(
      ::openat(directory, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) {
    return std::unexpected(PlaceFault{name, std::strerror(errno), is_the_disks(errno)});
  }
  if (!S_ISREG(facts.st_mode) || facts.st_uid != 0 || facts.st_nlink != 1) {
    return std::unexpected(PlaceFault{name, "not a file of root's own"});
  }
  if ((facts.st_mode & 022U) != 0) return std::unexpected(PlaceFault{name, "others may write it"});
  return file;
}

Descriptor open_full_device() noexcept {
  Descriptor full(::open("/dev/full", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat facts{};
  const bool is_it =
      full && ::fstat(full.get(), &facts) == 0 && S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 7);
  return is_it ? std::move(full) : Descriptor();
}

}  // namespace secshr
