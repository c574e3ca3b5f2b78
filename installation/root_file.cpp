#include "installation/root_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "system/descriptor.h"

namespace secshr {
namespace {

std::unexpected<ConfigurationError> refuse(const char* path, std::string what) {
  return std::unexpected(ConfigurationError{path, 0, 0, std::move(what)});
}

std::string too_large(std::size_t limit) {
  return "is larger than " + std::to_string(limit) + " bytes";
}

}  // namespace

std::string explain(PathFault fault) {
  if (fault == PathFault::missing) return "does not exist";
  return std::string("must be root's alone, with every directory above it (") + describe(fault) + ")";
}

std::expected<std::string, ConfigurationError> read_root_file(const char* path, std::size_t limit) {
  const RootControlled opened = open_root_controlled(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (opened.fault != PathFault::none) {
    return std::unexpected(ConfigurationError{path, 0, 0, explain(opened.fault), opened.fault == PathFault::missing});
  }
  const Descriptor file(opened.descriptor);
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return refuse(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refuse(path, "is not a regular file");

  // One byte more than the file has is asked for: what does not end there is too large, or grew under our eyes.
  if (status.st_size > static_cast<off_t>(limit)) return refuse(path, too_large(limit));
  std::string text(static_cast<std::size_t>(status.st_size) + 1, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(path, std::strerror(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled == text.size()) return refuse(path, "changed while it was read; try again");
  text.resize(filled);
  return text;
}

}  // namespace secshr
