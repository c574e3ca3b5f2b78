// System V objects behind the seam: looking at any, and removing one as its owner.
#include <sys/sem.h>
#include <sys/shm.h>

#include <cerrno>

#include "secshr/linux_kernel.h"

namespace secshr {
namespace {

// As semctl(2) wants it; the library's headers leave its declaration to the caller.
union SemaphoreArgument {
  int value;
  semid_ds* set;
};

IpcObject object_of(const ipc_perm& permissions, std::int64_t ctime) noexcept {
  return {permissions.uid,  permissions.cuid, ctime, permissions.gid, permissions.cgid,
          permissions.mode, permissions.__key};
}

}  // namespace

// The *_STAT_ANY commands take an index and the kernel reduces an id to its index by itself; which id then comes back
// says whether the object of this index still is the one that was asked for.
std::expected<SemaphoreSetFacts, int> LinuxKernel::semaphore_set(int semid) noexcept {
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  const int found = ::semctl(semid, 0, SEM_STAT_ANY, argument);
  if (found < 0) return std::unexpected(errno);
  if (found != semid) return std::unexpected(EINVAL);
  return SemaphoreSetFacts{object_of(set.sem_perm, set.sem_ctime), set.sem_otime};
}

std::expected<SegmentFacts, int> LinuxKernel::segment(int shmid) noexcept {
  shmid_ds segment{};
  const int found = ::shmctl(shmid, SHM_STAT_ANY, &segment);
  if (found < 0) return std::unexpected(errno);
  if (found != shmid) return std::unexpected(EINVAL);
  return SegmentFacts{object_of(segment.shm_perm, segment.shm_ctime), segment.shm_nattch};
}

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
