#include "secshr/start/remembered_directories.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>

#include "secshr/limits.h"
#include "system/open_resolved.h"
#include "system/path_of.h"

namespace secshr {
namespace {

constexpr char file_name[] = "directories";
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
  if (::renameat(place, unfinished_name, place, file_name) != 0) return std::unexpected(errno);
  return {};
}

std::vector<RememberedDirectory> recall_directories(int place) {
  std::ifstream file(fmt::format("/proc/self/fd/{}/{}", place, file_name));
  std::vector<RememberedDirectory> recalled;
  std::string line;
  while (recalled.size() < limits::most_directories && std::getline(file, line)) {
    std::istringstream fields(line);
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::string path;
    if (!(fields >> device >> inode) || fields.get() != ' ' || !std::getline(fields, path)) continue;
    // What is a link by now is another directory. To follow it would take root wherever a user leads it, and keep
    // everybody waiting where nothing answers.
    Descriptor directory = open_resolved(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    struct stat facts{};
    if (!directory || ::fstat(directory.get(), &facts) != 0) continue;
    if (facts.st_dev == device && facts.st_ino == inode) recalled.push_back({std::move(path), std::move(directory)});
  }
  return recalled;
}

}  // namespace secshr
