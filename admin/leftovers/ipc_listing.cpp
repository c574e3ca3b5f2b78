#include "admin/leftovers/ipc_listing.h"

#include <sys/sem.h>
#include <sys/shm.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

namespace secshr::admin {
namespace {

// As semctl(2) wants it; the library's headers leave its declaration to the caller.
union SemaphoreArgument {
  int value;
  semid_ds* set;
  seminfo* info;
};

IpcFacts facts_of(IpcKind kind, int id, const ipc_perm& permissions) {
  IpcFacts facts;
  facts.kind = kind;
  facts.id = id;
  facts.key = static_cast<std::uint32_t>(permissions.__key);
  facts.uid = permissions.uid;
  facts.cuid = permissions.cuid;
  facts.gid = permissions.gid;
  facts.mode = permissions.mode & 0777U;
  return facts;
}

void add_pid(IpcFacts& facts, pid_t pid) {
  const auto place = std::ranges::lower_bound(facts.pids, pid);
  if (place == facts.pids.end() || *place != pid) facts.pids.insert(place, pid);
}

// A creator without a number here is one of another namespace; whoever attached last may be nobody.
IpcFacts facts_of(int id, const shmid_ds& segment) {
  IpcFacts facts = facts_of(IpcKind::segment, id, segment.shm_perm);
  facts.size = segment.shm_segsz;
  facts.made = segment.shm_ctime;
  facts.used = std::max(segment.shm_atime, segment.shm_dtime);
  facts.attached = segment.shm_nattch;
  for (const pid_t pid : {segment.shm_cpid, segment.shm_lpid}) {
    if (pid != 0) add_pid(facts, pid);
  }
  facts.others_used = segment.shm_cpid == 0 || (segment.shm_lpid == 0 && facts.used != 0);
  return facts;
}

// The sets of database files and of those that open them have three members: the last holds the number that the keys
// begin with, and never changes; the one before counts the processes that have it open, and the kernel takes a dead
// one off it.
std::optional<int> processes_that_opened(int semid, std::uint64_t members) {
  constexpr int mark = 0x2b;
  if (members != 3 || semctl(semid, 2, GETVAL) != mark) return std::nullopt;
  const int count = semctl(semid, 1, GETVAL);
  if (count < 0) return std::nullopt;
  return count;
}

// Nobody knows who made a set: where no member names a process, that can be anybody.
std::optional<IpcFacts> facts_of(int id, const semid_ds& set) {
  IpcFacts facts = facts_of(IpcKind::set, id, set.sem_perm);
  facts.size = set.sem_nsems;
  facts.made = set.sem_ctime;
  facts.used = set.sem_otime;
  for (int member = 0; member < static_cast<int>(set.sem_nsems); ++member) {
    const pid_t pid = semctl(id, member, GETPID);
    const int increasing = semctl(id, member, GETNCNT);
    const int zero = semctl(id, member, GETZCNT);
    if (pid < 0 || increasing < 0 || zero < 0) return std::nullopt;  // gone
    if (pid != 0) add_pid(facts, pid);
    facts.awaited = facts.awaited || increasing > 0 || zero > 0;
  }
  facts.others_used = facts.pids.empty();
  facts.opened = processes_that_opened(id, facts.size);
  return facts;
}

Result<void> list_segments(std::vector<IpcFacts>& listing) {
  shm_info info{};
  const int highest = shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&info));
  if (highest < 0) return system_error("shared memory", "list");
  for (int index = 0; index <= highest; ++index) {
    shmid_ds segment{};
    const int id = shmctl(index, SHM_STAT_ANY, &segment);
    if (id >= 0) listing.push_back(facts_of(id, segment));
  }
  return {};
}

Result<void> list_sets(std::vector<IpcFacts>& listing) {
  seminfo info{};
  SemaphoreArgument argument{};
  argument.info = &info;
  const int highest = semctl(0, 0, SEM_INFO, argument);
  if (highest < 0) return system_error("semaphore sets", "list");
  for (int index = 0; index <= highest; ++index) {
    semid_ds set{};
    argument.set = &set;
    const int id = semctl(index, 0, SEM_STAT_ANY, argument);
    if (id < 0) continue;
    if (auto facts = facts_of(id, set)) listing.push_back(*std::move(facts));
  }
  return {};
}

}  // namespace

Result<std::vector<IpcFacts>> list_ipc_objects() {
  std::vector<IpcFacts> listing;
  if (auto listed = list_segments(listing); !listed) return std::unexpected(listed.error());
  if (auto listed = list_sets(listing); !listed) return std::unexpected(listed.error());
  std::ranges::sort(listing, {}, [](const IpcFacts& each) { return std::tuple(each.kind, each.id); });
  return listing;
}

}  // namespace secshr::admin
