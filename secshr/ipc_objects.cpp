#include "secshr/ipc_objects.h"

#include <sys/sem.h>
#include <sys/shm.h>

#include <cerrno>

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
std::expected<SemaphoreSetFacts, int> LinuxIpcObjects::semaphore_set(int semid) noexcept {
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  const int found = ::semctl(semid, 0, SEM_STAT_ANY, argument);
  if (found < 0) return std::unexpected(errno);
  if (found != semid) return std::unexpected(EINVAL);
  return SemaphoreSetFacts{object_of(set.sem_perm, set.sem_ctime), set.sem_otime};
}

std::expected<SegmentFacts, int> LinuxIpcObjects::segment(int shmid) noexcept {
  shmid_ds segment{};
  const int found = ::shmctl(shmid, SHM_STAT_ANY, &segment);
  if (found < 0) return std::unexpected(errno);
  if (found != shmid) return std::unexpected(EINVAL);
  return SegmentFacts{object_of(segment.shm_perm, segment.shm_ctime), segment.shm_nattch};
}

bool is_gone(int error) noexcept {
  return error == EINVAL || error == EIDRM;
}

}  // namespace secshr
