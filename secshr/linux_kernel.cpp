#include "secshr/linux_kernel.h"

#include <poll.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include <cerrno>

#include "secshr/act_as.h"

namespace secshr {
namespace {

// As semctl(2) wants it; the library's headers leave its declaration to the caller.
union SemaphoreArgument {
  int value;
  semid_ds* set;
};

}  // namespace

bool LinuxKernel::is_alive(int pidfd) noexcept {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

// The *_STAT_ANY commands take an index and the kernel reduces an id to its index by itself; which id then comes back
// says whether the object of this index still is the one that was asked for.
std::expected<SemaphoreSetFacts, int> LinuxKernel::semaphore_set(int semid) noexcept {
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  const int found = ::semctl(semid, 0, SEM_STAT_ANY, argument);
  if (found < 0) return std::unexpected(errno);
  if (found != semid) return std::unexpected(EINVAL);
  return SemaphoreSetFacts{set.sem_perm.uid, set.sem_perm.cuid, set.sem_ctime};
}

std::expected<SegmentFacts, int> LinuxKernel::segment(int shmid) noexcept {
  shmid_ds segment{};
  const int found = ::shmctl(shmid, SHM_STAT_ANY, &segment);
  if (found < 0) return std::unexpected(errno);
  if (found != shmid) return std::unexpected(EINVAL);
  return SegmentFacts{segment.shm_perm.uid, segment.shm_perm.cuid, segment.shm_ctime, segment.shm_nattch};
}

// Asking needs read permission on the set, which its owner has unless it took it from itself. When root opened first,
// one of the two owners is root and the other is who to act as.
std::expected<pid_t, int> LinuxKernel::last_operation_pid(int semid, const SemaphoreSetFacts& facts) noexcept {
  const IpcIdentity owner(facts.uid != 0 ? facts.uid : facts.cuid);
  if (!owner.ok()) return std::unexpected(EPERM);
  const int pid = ::semctl(semid, 0, GETPID);
  if (pid < 0) return std::unexpected(errno);
  return pid;
}

}  // namespace secshr
