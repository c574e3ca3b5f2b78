#include "admin/single_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "installation/root_file.h"
#include "secshr_paths.h"
#include "system/root_controlled.h"

namespace secshr::admin {

Result<Descriptor> take_single_run_lock() {
  // /run starts empty at each boot.
  if (mkdir(paths::run, 0755) != 0 && errno != EEXIST) return system_error(paths::run, "create");
  const RootControlled run = open_root_controlled(paths::run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const Descriptor directory(run.descriptor);
  if (run.fault != PathFault::none) return error(fmt::format("{}: {}", paths::run, explain(run.fault)));
  // A leading dot: no installation's directory.
  constexpr char name[] = ".secshrctl.lock";
  Descriptor lock(openat(directory.get(), name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock) return system_error(std::string(paths::run) + "/" + name, "open");
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return refused("another secshrctl is at work; try again when it has ended");
    return system_error(paths::run, "lock");
  }
  return lock;
}

}  // namespace secshr::admin
