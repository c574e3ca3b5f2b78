#include "secshr/start/leave_cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr {
namespace {

enum class Version { none, one, two };

Version version_of(int directory) noexcept {
  struct statfs facts{};
  if (::fstatfs(directory, &facts) != 0) return Version::none;
  const auto type = static_cast<unsigned long>(facts.f_type);
  if (type == CGROUP2_SUPER_MAGIC) return Version::two;
  return type == CGROUP_SUPER_MAGIC ? Version::one : Version::none;
}

// A hierarchy by the first of its controllers, or "name=…"; the one of version two has none.
using Hierarchy = std::string;

// Of lines of "hierarchy:controllers:path" those in which this process is not at the root.
std::vector<Hierarchy> hierarchies_to_leave() {
  std::ifstream cgroups("/proc/self/cgroup");
  std::vector<Hierarchy> all;
  std::string line;
  while (std::getline(cgroups, line)) {
    if (line.ends_with(":/")) continue;
    const std::size_t begin = line.find(':') + 1;
    all.push_back(line.substr(begin, line.find_first_of(",:", begin) - begin));
  }
  return all;
}

// A line of mountinfo: "id parent device root mounted-at options … - type source options"; a place with blanks in it
// is no usual one.
struct Mount {
  std::string mounted_at;
  std::vector<std::string> options;  // of the file system: for version one its controllers
  Version version = Version::none;
};

Mount read_mount(const std::string& line) {
  Mount mount;
  const std::size_t separator = line.find(" - cgroup");
  if (separator == std::string::npos) return mount;
  std::istringstream before(line);
  std::string id, parent, device, root;
  before >> id >> parent >> device >> root >> mount.mounted_at;
  std::istringstream after(line.substr(separator + 3));
  std::string type, source, option;
  after >> type >> source;
  mount.version = type == "cgroup2" ? Version::two : Version::one;
  after >> std::ws;
  while (std::getline(after, option, ',')) mount.options.push_back(option);
  return mount;
}

bool is_of(const Mount& mount, const Hierarchy& hierarchy) {
  if (mount.version == Version::two) return hierarchy.empty();
  return mount.version == Version::one && std::ranges::find(mount.options, hierarchy) != mount.options.end();
}

// "0" is who writes it. Whether it worked is read back.
void move_by(int directory, const char* name) noexcept {
  const Descriptor members(::openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (members) (void)!::write(members.get(), "0", 1);
}

// Who moves a process waits until every processor has taken notice, some milliseconds; who is born elsewhere does
// not. The rest of the start is the child's. Called without threads: what the C library does in its own fork(2)
// beyond this is for those.
bool continue_as_child_in(int directory) noexcept {
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<std::uint64_t>(directory);
  const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child > 0) ::_exit(0);
  return child == 0;
}

void move_to(const std::string& mounted_at) {
  const RootControlled opened = open_root_controlled(mounted_at.c_str(), O_PATH | O_DIRECTORY);
  if (opened.fault != PathFault::none) return;
  const Descriptor directory(opened.descriptor);
  switch (version_of(directory.get())) {
    case Version::one:
      // Of its one thread, at once, where "cgroup.procs" would wait as well.
      return move_by(directory.get(), "tasks");
    case Version::two:
      if (!continue_as_child_in(directory.get())) move_by(directory.get(), "cgroup.procs");
      return;
    case Version::none:
      return;
  }
}

}  // namespace

bool leave_cgroup() {
  const std::vector<Hierarchy> to_leave = hierarchies_to_leave();
  if (to_leave.empty()) return true;
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  while (std::getline(mounts, line)) {
    const Mount mount = read_mount(line);
    if (std::ranges::any_of(to_leave, [&](const Hierarchy& each) { return is_of(mount, each); })) {
      move_to(mount.mounted_at);
    }
  }
  return hierarchies_to_leave().empty();
}

}  // namespace secshr
