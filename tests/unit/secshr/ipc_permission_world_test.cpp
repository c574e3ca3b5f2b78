// The rebuilt permission check against the kernel's own verdict: for every mode, each of several users tries the
// alteration and the attach in earnest, and the two may not disagree once.
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "secshr/ipc_permission.h"
#include "tests/support/private_world.h"
#include "tests/support/run_as.h"
#include "tests/support/semaphore_argument.h"

namespace secshr::test {
namespace {

constexpr uid_t owner = 71001;
constexpr uid_t creator = 71002;
constexpr uid_t stranger = 71003;
constexpr gid_t owners_group = 72001;
constexpr gid_t creators_group = 72002;
constexpr gid_t strange_group = 72003;
constexpr unsigned modes = 01000;

// One set and one segment of every mode, of which creator and owner differ: they go with the private world.
struct Objects {
  std::vector<int> sets = std::vector<int>(modes, -1);
  std::vector<int> segments = std::vector<int>(modes, -1);
};

bool give(int semid, int shmid, unsigned mode) {
  semid_ds set{};
  set.sem_perm.uid = owner;
  set.sem_perm.gid = owners_group;
  set.sem_perm.mode = static_cast<unsigned short>(mode);
  SemaphoreArgument argument{};
  argument.set = &set;
  shmid_ds segment{};
  segment.shm_perm.uid = owner;
  segment.shm_perm.gid = owners_group;
  segment.shm_perm.mode = static_cast<unsigned short>(mode);
  return ::semctl(semid, 0, IPC_SET, argument) == 0 && ::shmctl(shmid, IPC_SET, &segment) == 0;
}

Objects make_objects() {
  Objects objects;
  for (unsigned mode = 0; mode < modes; ++mode) {
    {
      const ActingAs as_creator(creator, creators_group);
      EXPECT_TRUE(as_creator.ok());
      objects.sets[mode] = ::semget(IPC_PRIVATE, 1, 0600);
      objects.segments[mode] = ::shmget(IPC_PRIVATE, 4096, 0600);
    }
    EXPECT_TRUE(give(objects.sets[mode], objects.segments[mode], mode)) << mode << ": " << std::strerror(errno);
  }
  return objects;
}

// What the check is asked about, as root reads it from the kernel.
IpcObject object_of(const ipc_perm& permissions) {
  return {permissions.uid, permissions.cuid, 0, permissions.gid, permissions.cgid, permissions.mode, 0};
}
IpcObject set_object(int semid) {
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  EXPECT_EQ(::semctl(semid, 0, IPC_STAT, argument), 0);
  return object_of(set.sem_perm);
}
IpcObject segment_object(int shmid) {
  shmid_ds segment{};
  EXPECT_EQ(::shmctl(shmid, IPC_STAT, &segment), 0);
  return object_of(segment.shm_perm);
}

bool may_alter(int semid) {
  SemaphoreArgument argument{};
  argument.value = 1;
  return ::semctl(semid, 0, SETVAL, argument) == 0;
}
bool may_read_and_write(int shmid) {
  void* const start = ::shmat(shmid, nullptr, 0);
  if (reinterpret_cast<std::intptr_t>(start) == -1) return false;
  (void)::shmdt(start);
  return true;
}

// What can go wrong, as bits of an exit status.
constexpr int disagrees_on_alter = 1;
constexpr int disagrees_on_attach = 2;
constexpr int compares_nothing = 4;

// Runs as the user, in a child.
int compare(const Identity& who, const Objects& objects, const std::vector<IpcObject>& sets,
            const std::vector<IpcObject>& segments) {
  const Rights rights{who.uid, who.gid, who.groups};
  int wrong = 0;
  unsigned granted = 0;
  const auto count = [&](bool allowed) {
    if (allowed) ++granted;
    if (!allowed && errno != EACCES) wrong |= compares_nothing;
    return allowed;
  };
  for (unsigned mode = 0; mode < modes; ++mode) {
    if (count(may_alter(objects.sets[mode])) != ipc_permits(sets[mode], rights, ipc_alter)) {
      wrong |= disagrees_on_alter;
    }
    if (count(may_read_and_write(objects.segments[mode])) != ipc_permits(segments[mode], rights, ipc_read_write)) {
      wrong |= disagrees_on_attach;
    }
  }
  // Half of the modes let somebody alter, a quarter let read and write; else the kernel judged something else.
  return granted == modes / 2 + modes / 4 ? wrong : wrong | compares_nothing;
}

struct Who {
  std::string name;
  Identity identity;
};

TEST(IpcPermissionWorld, agrees_with_the_kernel_for_every_mode_and_every_class_of_users) {
  SECSHR_REQUIRES_PRIVATE_WORLD();
  const Objects objects = make_objects();
  std::vector<IpcObject> sets;
  std::vector<IpcObject> segments;
  for (unsigned mode = 0; mode < modes; ++mode) {
    sets.push_back(set_object(objects.sets[mode]));
    segments.push_back(segment_object(objects.segments[mode]));
  }
  ASSERT_EQ(sets[0640].uid, owner);
  ASSERT_EQ(sets[0640].cuid, creator);
  ASSERT_EQ(sets[0640].gid, owners_group);
  ASSERT_EQ(sets[0640].cgid, creators_group);
  ASSERT_EQ(sets[0640].mode, 0640U);
  ASSERT_EQ(segments[0640].cuid, creator);
  const std::vector<Who> everybody{
      {"owner", {owner, strange_group, {}}},
      {"creator", {creator, strange_group, {}}},
      {"owner in both groups", {owner, owners_group, {creators_group}}},
      {"creator in both groups", {creator, creators_group, {owners_group}}},
      {"owner's group", {stranger, owners_group, {}}},
      {"creator's group", {stranger, creators_group, {}}},
      {"owner's group, supplementary", {stranger, strange_group, {72010, owners_group, 72011}}},
      {"creator's group, supplementary", {stranger, strange_group, {creators_group, 72010}}},
      {"other", {stranger, strange_group, {}}},
      {"other with groups", {stranger, strange_group, {72010, 72011}}},
      {"root's group", {stranger, 0, {0}}},
  };
  for (const Who& who : everybody) {
    EXPECT_EQ(as_user(who.identity, [&] { return compare(who.identity, objects, sets, segments); }), exited(0))
        << who.name;
  }
}

}  // namespace
}  // namespace secshr::test
