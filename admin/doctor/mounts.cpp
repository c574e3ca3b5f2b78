#include "admin/doctor/mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <sstream>

#include "admin/look.h"
#include "admin/shell_word.h"
#include "system/descriptor.h"

namespace secshr::admin {
namespace {

// As /proc/self/mountinfo writes them: a backslash and three octal digits.
std::string unescaped(std::string_view field) {
  std::string text;
  for (std::size_t at = 0; at < field.size(); ++at) {
    if (field[at] == '\\' && at + 3 < field.size()) {
      text += static_cast<char>((field[at + 1] - '0') * 64 + (field[at + 2] - '0') * 8 + (field[at + 3] - '0'));
      at += 3;
    } else {
      text += field[at];
    }
  }
  return text;
}

// The longest mount point that the path lies at or below, the last one of several.
std::string mount_point_of(const std::string& path) {
  std::string best = "/";
  std::istringstream lines(read_kernel_text("/proc/self/mountinfo").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    if (!(fields >> id >> parent >> device >> root >> point)) continue;
    point = unescaped(point);
    const bool is_above = path == point || path.starts_with(point == "/" ? point : point + "/");
    if (is_above && point.size() >= best.size()) best = point;
  }
  return best;
}

}  // namespace

void check_not_mounted(const std::string& path, unsigned long flag, std::string_view id, std::string_view consequence,
                       Report& report) {
  const Descriptor pin(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct statvfs file_system{};
  if (!pin || ::fstatvfs(pin.get(), &file_system) != 0) {
    if (!is_missing(errno)) report.could_not_look(path, describe_error(errno));
    return;
  }
  if ((file_system.f_flag & flag) == 0) return;
  const std::string_view option = flag == ST_NOSUID ? "nosuid" : "noexec";
  const std::string_view cure = flag == ST_NOSUID ? "suid" : "exec";
  const std::string point = mount_point_of(path);
  report.add({id, Severity::error, path, fmt::format("Its file system is mounted {}: {}.", option, consequence),
              fmt::format("mount -o remount,{} {}", cure, shell_word(point))});
}

}  // namespace secshr::admin
