// System V objects behind the seam: asking as whoever may, removing as the owner.
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>

#include "secshr/linux_kernel.h"

namespace secshr {
namespace {

constexpr unsigned group_may_read = 0040;

// With the identity that is in force, which needs read permission on the set.
std::expected<pid_t, int> ask_last_operation_pid(int semid) noexcept {
  const int pid = ::semctl(semid, 0, GETPID);
  if (pid < 0) return std::unexpected(errno);
  return pid;
}

}  // namespace

// As one of those who may read the set, whoever that is; as its owner last, since nobody acts as root. What the
// answer is good for the rule decides, and no client is told.
std::expected<pid_t, int> LinuxKernel::last_operation_pid(int semid, const SemaphoreSetFacts& facts) noexcept {
  auto last = ask_last_operation_pid(semid);
  if (last || last.error() != EACCES) return last;
  if ((facts.object.mode & group_may_read) != 0) {
    // The kernel takes the group of a System V object's user from the file system ids.
    const FileIdentity member(::geteuid(), facts.object.gid);
    if (!member.ok()) return std::unexpected(EPERM);
    last = ask_last_operation_pid(semid);
    if (last || last.error() != EACCES) return last;
  }
  const IpcIdentity owner(facts.object.acting_owner(), root_);
  if (!owner.ok()) return std::unexpected(EPERM);
  return ask_last_operation_pid(semid);
}

// Who operated on the set since it was seen may rely on it. Between the second look and the removal the owner could
// still make place for another object with this id; with the kernel's sequence numbers that takes 32768 objects in
// that index meanwhile.
std::expected<void, int> LinuxKernel::remove_semaphore_set(int semid, const SemaphoreSetFacts& seen) noexcept {
  const IpcIdentity owner(seen.object.acting_owner(), root_);
  if (!owner.ok()) return std::unexpected(EPERM);
  const auto now = semaphore_set(semid);
  if (!now) return std::unexpected(now.error());
  if (now->object != seen.object) return std::unexpected(EINVAL);
  if (now->otime != seen.otime) return std::unexpected(EBUSY);
  if (::semctl(semid, 0, IPC_RMID) != 0) return std::unexpected(errno);
  return {};
}

// Whoever attaches between the second look and the removal keeps what it attached: the kernel destroys a removed
// segment at its last detach.
std::expected<void, int> LinuxKernel::remove_segment(int shmid, const SegmentFacts& seen) noexcept {
  const IpcIdentity owner(seen.object.acting_owner(), root_);
  if (!owner.ok()) return std::unexpected(EPERM);
  const auto now = segment(shmid);
  if (!now) return std::unexpected(now.error());
  if (now->object != seen.object) return std::unexpected(EINVAL);
  if (now->attach_count != 0) return std::unexpected(EBUSY);
  if (::shmctl(shmid, IPC_RMID, nullptr) != 0) return std::unexpected(errno);
  return {};
}

}  // namespace secshr
