#include "secshr/start/remembered_directories.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "secshr/start/recall_directories.h"
#include "system/path_of.h"

namespace secshr {
namespace {

constexpr char unfinished_name[] = "directories.new";

// "DEVICE INODE PATH", a line each; a path with a line break in it is not remembered.
std::string text_of(std::span<const PlannedDirectory> directories) {
  std::string text;
  for (const PlannedDirectory& directory : directories) {
    struct stat facts{};
    const std::string path = path_of(directory.descriptor.get());
    if (::fstat(directory.descriptor.get(), &facts) != 0 || !path.starts_with('/') || path.contains('\n')) continue;
    text += fmt::format("{} {} {}\n", facts.st_dev, facts.st_ino, path);
  }
  return text;
}

}  // namespace

std::expected<void, int> remember_directories(int place, std::span<const PlannedDirectory> directories) {
  const std::string text = text_of(directories);
  (void)::unlinkat(place, unfinished_name, 0);  // what a starter that was killed has left
  const Descriptor file(
      ::openat(place, unfinished_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno);
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) return std::unexpected(written < 0 ? errno : ENOSPC);
  if (::renameat(place, unfinished_name, place, remembered_directories_name) != 0) return std::unexpected(errno);
  return {};
}

}  // namespace secshr
