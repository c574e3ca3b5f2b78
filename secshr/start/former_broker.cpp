#include "secshr/start/former_broker.h"

#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "secshr/limits.h"
#include "secshr/privilege/act_as.h"
#include "secshr/privilege/least_privilege.h"
#include "secshr/privilege/syscall_filter.h"
#include "system/pidfd.h"
#include "system/system_log.h"

namespace secshr {
namespace {

// It may have taken any identity meanwhile but root's.
bool kill_watched() noexcept {
  const RaisedCapabilities raised(watcher_capabilities);
  return raised.ok() && send_signal(watched_descriptor, SIGKILL);
}

[[noreturn]] void watch(int broker, uid_t uid) noexcept {
  // Nothing of the starter's: neither its locks' file nor what its wrapper waits for.
  if (broker != watched_descriptor && ::dup2(broker, watched_descriptor) != watched_descriptor) ::_exit(1);
  if (::close_range(watched_descriptor + 1, ~0U, 0) != 0) ::_exit(1);
  if (drop_privileges({"secshrd-end", uid, watcher_capabilities}) != nullptr) ::_exit(1);
  if (confine(Confined::watcher, ActingAsRoot::refused) != nullptr) ::_exit(1);
  pollfd entry{watched_descriptor, POLLIN, 0};
  if (::poll(&entry, 1, static_cast<int>(limits::former_broker_deadline.count())) == 0 && kill_watched()) {
    log_to_system("killed", "a broker that was replaced had not ended");
  }
  ::_exit(0);
}

}  // namespace

bool watch_former_broker(const Descriptor& broker, uid_t uid) noexcept {
  const pid_t child = ::fork();
  if (child == 0) watch(broker.get(), uid);
  return child > 0;
}

}  // namespace secshr
