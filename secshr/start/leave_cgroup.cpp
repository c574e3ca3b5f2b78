#include "secshr/start/leave_cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr {
namespace {

bool is_cgroup_file_system(int directory) noexcept {
  struct statfs facts{};
  if (::fstatfs(directory, &facts) != 0) return false;
  const auto type = static_cast<unsigned long>(facts.f_type);
  return type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC;
}

void move_to(const std::string& mounted_at) {
  const RootControlled opened = open_root_controlled(mounted_at.c_str(), O_PATH | O_DIRECTORY);
  if (opened.fault != PathFault::none) return;
  const Descriptor directory(opened.descriptor);
  if (!is_cgroup_file_system(directory.get())) return;
  const Descriptor processes(::openat(directory.get(), "cgroup.procs", O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  // "0" is who writes it. Whether it worked is read back.
  if (processes) (void)!::write(processes.get(), "0", 1);
}

// Lines of "hierarchy:controllers:path".
bool is_at_every_root() {
  std::ifstream cgroups("/proc/self/cgroup");
  std::string line;
  bool at_root = true;
  while (std::getline(cgroups, line)) at_root = at_root && line.ends_with(":/");
  return at_root;
}

}  // namespace

bool leave_cgroup() {
  if (is_at_every_root()) return true;
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  while (std::getline(mounts, line)) {
    // "id parent device root mounted-at options … - type source options"; a place with blanks in it is no usual one.
    const auto separator = line.find(" - cgroup");
    if (separator == std::string::npos) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, mounted_at;
    if (fields >> id >> parent >> device >> root >> mounted_at) move_to(mounted_at);
  }
  return is_at_every_root();
}

}  // namespace secshr
