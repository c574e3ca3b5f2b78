#include "tests/integration/ipc_objects.h"

#include <gtest/gtest.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "tests/support/semaphore_argument.h"

namespace secshr::test {
namespace {

IpcEntry entry_of(const ipc_perm& permissions, std::int64_t ctime) {
  return {permissions.uid, permissions.cuid, permissions.gid, permissions.cgid, permissions.mode & 0777U, ctime};
}

}  // namespace

IpcListing all_ipc_objects() {
  IpcListing listing;
  seminfo set_information{};
  SemaphoreArgument argument{};
  argument.info = &set_information;
  const int last_set = ::semctl(0, 0, SEM_INFO, argument);
  for (int index = 0; index <= last_set; ++index) {
    semid_ds set{};
    argument.set = &set;
    const int id = ::semctl(index, 0, SEM_STAT, argument);
    if (id >= 0) listing.sets[id] = entry_of(set.sem_perm, set.sem_ctime);
  }
  shm_info segment_information{};
  const int last_segment = ::shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&segment_information));
  for (int index = 0; index <= last_segment; ++index) {
    shmid_ds segment{};
    const int id = ::shmctl(index, SHM_STAT, &segment);
    if (id >= 0) listing.segments[id] = entry_of(segment.shm_perm, segment.shm_ctime);
  }
  return listing;
}

void give_set(int semid, uid_t uid, gid_t gid, unsigned mode) {
  semid_ds set{};
  set.sem_perm.uid = uid;
  set.sem_perm.gid = gid;
  set.sem_perm.mode = static_cast<decltype(set.sem_perm.mode)>(mode);
  SemaphoreArgument argument{};
  argument.set = &set;
  EXPECT_EQ(::semctl(semid, 0, IPC_SET, argument), 0);
}

void give_segment(int shmid, uid_t uid, gid_t gid, unsigned mode) {
  shmid_ds segment{};
  segment.shm_perm.uid = uid;
  segment.shm_perm.gid = gid;
  segment.shm_perm.mode = static_cast<decltype(segment.shm_perm.mode)>(mode);
  EXPECT_EQ(::shmctl(shmid, IPC_SET, &segment), 0);
}

std::ostream& operator<<(std::ostream& out, const IpcEntry& entry) {
  return out << "owner " << entry.uid << ":" << entry.gid << ", creator " << entry.cuid << ":" << entry.cgid
             << ", mode " << std::oct << entry.mode << std::dec;
}

std::ostream& operator<<(std::ostream& out, const IpcListing& listing) {
  for (const auto& [id, entry] : listing.sets) out << "set " << id << " (" << entry << ") ";
  for (const auto& [id, entry] : listing.segments) out << "segment " << id << " (" << entry << ") ";
  return out;
}

}  // namespace secshr::test
