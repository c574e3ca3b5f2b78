#include "secshr/start/root_directories.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "system/root_controlled.h"

namespace secshr {
namespace {

// An existing one is looked at by open_root_controlled.
bool make_directory(const std::string& path) noexcept {
  return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

}  // namespace

std::expected<Descriptor, PlaceFault> open_place(const std::string& base, const std::string& name) {
  const std::string path = base + "/" + name;
  if (!make_directory(base) || !make_directory(path)) return std::unexpected(PlaceFault{path, std::strerror(errno)});
  const RootControlled opened = open_root_controlled(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (opened.fault != PathFault::none) return std::unexpected(PlaceFault{path, describe(opened.fault)});
  return Descriptor(opened.descriptor);
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
