#include "secshr/start/root_directories.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

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
  if (!file || ::fstat(file.get(), &facts) != 0) return std::unexpected(PlaceFault{name, std::strerror(errno)});
  if (!S_ISREG(facts.st_mode) || facts.st_uid != 0 || facts.st_nlink != 1) {
    return std::unexpected(PlaceFault{name, "not a file of root's own"});
  }
  return file;
}

}  // namespace secshr
