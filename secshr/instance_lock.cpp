#include "secshr/instance_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "system/pidfd.h"

namespace secshr {
namespace {

// Each part is a byte of the file.
struct flock lock_of(InstanceLock::Part part, short type) noexcept {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(part);
  lock.l_len = 1;
  return lock;
}

bool set(int file, const struct flock& lock) noexcept {
  return ::fcntl(file, F_SETLK, &lock) == 0;
}

}  // namespace

std::expected<InstanceLock, int> InstanceLock::open(int directory) noexcept {
  Descriptor file(::openat(directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno);
  return InstanceLock(std::move(file));
}

bool InstanceLock::try_take(Part part) noexcept {
  return set(file_.get(), lock_of(part, F_WRLCK));
}

void InstanceLock::release(Part part) noexcept {
  (void)set(file_.get(), lock_of(part, F_UNLCK));
}

std::optional<pid_t> InstanceLock::holder(Part part) const noexcept {
  struct flock lock = lock_of(part, F_WRLCK);
  if (::fcntl(file_.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

Descriptor InstanceLock::open_holder(Part part, pid_t holder) const noexcept {
  if (holder <= 0) return Descriptor();
  Descriptor process = open_pidfd(holder);
  // Only now is it certain that the descriptor stands for the holder, and not for who has its pid since it ended.
  return this->holder(part) == holder ? std::move(process) : Descriptor();
}

bool InstanceLock::kill_holder(Part part, pid_t holder) const noexcept {
  const Descriptor process = open_holder(part, holder);
  return process && send_signal(process.get(), SIGKILL);
}

}  // namespace secshr
