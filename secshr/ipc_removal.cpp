// System V objects behind the seam: asking and removing as the owner.
#include <sys/sem.h>
#include <sys/shm.h>

#include <cerrno>

#include "secshr/linux_kernel.h"

namespace secshr {

// Asking needs read permission on the set, which its owner has unless it took it from itself.
std::expected<pid_t, int> LinuxKernel::last_operation_pid(int semid, const SemaphoreSetFacts& facts) noexcept {
  const IpcIdentity owner(facts.object.acting_owner(), root_);
  if (!owner.ok()) return std::unexpected(EPERM);
  const int pid = ::semctl(semid, 0, GETPID);
  if (pid < 0) return std::unexpected(errno);
  return pid;
}

// Between the second look and the removal the owner could still make place for another object with this id; with the
// kernel's sequence numbers that takes 32768 objects in that index meanwhile.
std::expected<void, int> LinuxKernel::remove_semaphore_set(int semid, const SemaphoreSetFacts& seen) noexcept {
  const IpcIdentity owner(seen.object.acting_owner(), root_);
  if (!owner.ok()) return std::unexpected(EPERM);
  const auto now = semaphore_set(semid);
  if (!now) return std::unexpected(now.error());
  if (now->object != seen.object) return std::unexpected(EINVAL);
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
