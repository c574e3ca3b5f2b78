#include "admin/doctor/root_path.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "admin/look.h"
#include "admin/shell_word.h"
#include "system/descriptor.h"

namespace secshr::admin {
namespace {

constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;
constexpr RootPathFindings findings_above{"path.owner", "path.mode"};

struct Part {
  std::string path;
  struct stat status{};
};

void check_owner(const Part& part, std::string_view id, Report& report) {
  if (part.status.st_uid == 0) return;
  report.add({id, Severity::error, part.path,
              fmt::format("uid {} owns it, and can change what secshr relies on.", part.status.st_uid),
              fmt::format("chown root:root {}", shell_word(part.path))});
}

void check_mode(const Part& part, std::string_view id, Report& report) {
  if ((part.status.st_mode & writable_by_others) == 0) return;
  report.add({id, Severity::error, part.path,
              fmt::format("Others than root may write to it (mode {:04o}).", part.status.st_mode & 07777U),
              fmt::format("chmod go-w {}", shell_word(part.path))});
}

// In a sticky directory nobody can take a directory of root's away.
bool is_safe_below(const struct stat& directory, const struct stat& next) noexcept {
  return (directory.st_mode & S_ISVTX) != 0 && S_ISDIR(next.st_mode) && next.st_uid == 0;
}

void check_link(const Part& part, Report& report) {
  report.add({"path.link", Severity::error, part.path,
              "It is a symbolic link, which secshr does not follow: what it leads to belongs in its place.", ""});
}

}  // namespace

std::optional<struct stat> look_at_root_path(const std::string& path, const RootPathFindings& findings,
                                             Report& report) {
  Part part{"/", {}};
  Descriptor current(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!current || ::fstat(current.get(), &part.status) != 0) {
    report.could_not_look("/", describe_error(errno));
    return std::nullopt;
  }
  std::size_t start = 1;
  while (start < path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    Part next{path.substr(0, end), {}};
    Descriptor opened(
        ::openat(current.get(), path.substr(start, end - start).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!opened || ::fstat(opened.get(), &next.status) != 0) {
      const int error = errno;
      if (!is_missing(error)) report.could_not_look(next.path, describe_error(error));
      check_owner(part, findings_above.owner, report);
      check_mode(part, findings_above.mode, report);
      return std::nullopt;
    }
    check_owner(part, findings_above.owner, report);
    if (!is_safe_below(part.status, next.status)) check_mode(part, findings_above.mode, report);
    if (S_ISLNK(next.status.st_mode)) {
      check_link(next, report);
      return std::nullopt;
    }
    part = std::move(next);
    current = std::move(opened);
    start = end + 1;
  }
  check_owner(part, findings.owner, report);
  check_mode(part, findings.mode, report);
  return part.status;
}

}  // namespace secshr::admin
