#include "secshr/looker/look_at_file.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "protocol/database_header.h"
#include "system/open_resolved.h"
#include "system/reopen.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

// Where anybody renames or mounts anything on the machine while the kernel walks over a "..", it gives up with
// EAGAIN, since it cannot tell whether it is still below the root. A user can keep that up, but not hit every walk.
Descriptor open_below(int root, const char* path) noexcept {
  constexpr int attempts = 256;
  for (int left = attempts;; --left) {
    Descriptor named = open_resolved(root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (named || errno != EAGAIN || left == 0) return named;
  }
}

// Opens the path below the client's own root, with the client's rights, without following a magic link, and without
// blocking on or disturbing anything that is not a regular file: the first descriptor only names the object.
LookVerdict open_file(int process, std::string_view path, LookReport& report, Descriptor& file) noexcept {
  const Descriptor root = open_in(process, "root", O_PATH | O_DIRECTORY);
  if (!root) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  std::array<char, protocol::maximum_path + 1> name{};
  if (path.size() >= name.size()) return LookVerdict::unreadable;
  path.copy(name.data(), path.size());
  const Descriptor named = open_below(root.get(), name.data());
  struct stat facts{};
  if (!named || ::fstat(named.get(), &facts) != 0) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  report.device = facts.st_dev;
  report.inode = facts.st_ino;
  report.mode = facts.st_mode;
  report.owner = facts.st_uid;
  struct statfs system{};
  if (uninterrupted([&] { return ::fstatfs(named.get(), &system); }) != 0 || !S_ISREG(facts.st_mode))
    return LookVerdict::wrong_type;
  // Files that are made when they are read: of /proc from a process's memory, which may make the reader wait.
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC) return LookVerdict::wrong_type;
  file = reopen(named.get(), O_RDONLY | O_NONBLOCK);
  if (!file) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  return LookVerdict::seen;
}

LookVerdict read_header(int file, LookReport& report) noexcept {
  std::array<std::byte, protocol::inspected_size> bytes{};
  const ssize_t size = pread_whole(file, std::span(bytes), 0);
  if (size < 0) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  const auto header = protocol::parse_database_header(std::span(bytes).first(static_cast<std::size_t>(size)));
  if (!header) return LookVerdict::not_a_database;
  report.ids = header->ids;
  return LookVerdict::seen;
}

}  // namespace

LookVerdict look_at_file(int process, const LookRequest& request, const LookerSetup& setup, Buffers& buffers,
                         LookReport& report, Descriptor& file) noexcept {
  LookVerdict verdict = open_file(process, request.path, report, file);
  if (verdict == LookVerdict::seen) verdict = read_header(file.get(), report);
  if (verdict == LookVerdict::seen && report.ids.shmid >= 0) {
    report.maps_header_segment = maps_any(process, buffers, [&](const MappedFile& mapping) {
      return shows_segment(mapping, setup.kernels_own, report.ids.shmid);
    });
  }
  return verdict;
}

}  // namespace secshr
