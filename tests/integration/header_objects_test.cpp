// What the semaphore set and the segment of a header decide about closing it and opening over it: who really holds
// the set, whoever owns it, and who still uses the segment, whatever its time.
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

#include "tests/integration/flush_fixture.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

const Expected still_in_use = refused(EBUSY, "hdr.live");

class HeaderObjects : public BrokerFlush {
 protected:
  // Root's, as a database of root's has them when root has opened it first.
  static IpcIds objects_of_root(gid_t group, unsigned mode) {
    const int semid = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    const int shmid = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    give_set(semid, 0, group, mode);
    give_segment(shmid, 0, group, mode);
    return ids_of(semid, shmid);
  }
  // As a client that leaves: it is attached, and has taken the set.
  static void hold(Client& client, const IpcIds& ids) {
    ASSERT_EQ(attach(client, ids.shmid), 0);
    ASSERT_EQ(operate_on(client, ids.semid), 0);
  }
  // It waits for a member that is 0 already: that takes read permission alone, and makes it the last that operated.
  static int wait_for_zero(Client& client, int semid) {
    return client.run([semid] {
      sembuf wait{0, 0, IPC_NOWAIT};
      return ::semop(semid, &wait, 1) == 0 ? 0 : errno;
    });
  }
  // Moves the times of its own objects: IPC_SET with what is there already.
  static void move_times(Client& client, const IpcIds& ids) {
    const IpcIds before = ids_of(ids.semid, ids.shmid);
    ASSERT_TRUE(eventually([&] {
      EXPECT_EQ(client.run([semid = ids.semid, shmid = ids.shmid] {
        union {
          int value;
          semid_ds* set;
        } argument{};
        semid_ds set{};
        shmid_ds segment{};
        argument.set = &set;
        if (::semctl(semid, 0, IPC_STAT, argument) != 0 || ::semctl(semid, 0, IPC_SET, argument) != 0) return errno;
        if (::shmctl(shmid, IPC_STAT, &segment) != 0 || ::shmctl(shmid, IPC_SET, &segment) != 0) return errno;
        return 0;
      }),
                0);
      const IpcIds now = ids_of(ids.semid, ids.shmid);
      return now.sem_ctime != before.sem_ctime && now.shm_ctime != before.shm_ctime;
    }));
  }
};

// --- Holding ---

TEST_F(HeaderObjects, of_root_are_closed_by_who_holds_the_set_and_by_nobody_else) {
  for (const auto& [group, mode] : std::initializer_list<std::pair<gid_t, unsigned>>{
           {0, 0666}, {shared_group, 0666}, {shared_group, 0660}, {0, 0606}, {shared_group, 0060}}) {
    SCOPED_TRACE(testing::Message() << std::oct << mode);
    const IpcIds ids = objects_of_root(group, mode);
    put_ids(ids);
    hold(*other_, ids);
    expect_refusal(*reader_, closed_ids, still_in_use);
    ASSERT_EQ(detach(*other_), 0);
    expect_refusal(*reader_, closed_ids, still_in_use);
    hold(*reader_, ids);
    expect_done(*reader_, closed_ids);
    ASSERT_EQ(detach(*reader_), 0);
  }
}

TEST_F(HeaderObjects, of_root_are_not_closed_where_only_root_may_read_the_set) {
  const IpcIds ids = objects_of_root(0, 0622);
  put_ids(ids);
  ASSERT_EQ(operate_on(*reader_, ids.semid), 0);
  expect_refusal(*reader_, closed_ids, still_in_use);
  give_set(ids.semid, 0, 0, 0666);
  put_ids(ids_of(ids.semid, ids.shmid));
  expect_done(*reader_, closed_ids);
}

// What a killed process of another user has left, which this one may only read.
TEST_F(HeaderObjects, are_not_closed_by_one_who_may_only_read_the_set_though_it_waited_for_zero) {
  for (const unsigned mode : {0644U, 0664U, 0604U}) {
    SCOPED_TRACE(testing::Message() << std::oct << mode);
    const IpcIds ids =
        ids_of(make_set(*other_, static_cast<int>(mode)), make_segment(*other_, static_cast<int>(mode)));
    put_ids(ids);
    ASSERT_EQ(operate_on(*reader_, ids.semid), EACCES);
    ASSERT_EQ(wait_for_zero(*reader_, ids.semid), 0);
    expect_refusal(*reader_, closed_ids, still_in_use);
    // Its maker may.
    expect_done(*other_, closed_ids);
  }
}

// Its group may alter it, and it has the group: whoever may alter may say so by waiting, too.
TEST_F(HeaderObjects, are_closed_by_a_supplementary_group_that_may_alter_the_set) {
  const IpcIds ids = ids_of(make_set(*other_, 0664), make_segment(*other_, 0664));
  give_set(ids.semid, u2, shared_group, 0664);
  put_ids(ids_of(ids.semid, ids.shmid));
  const auto stranger = connect(third_user);
  ASSERT_EQ(wait_for_zero(*stranger, ids.semid), 0);
  expect_refusal(*stranger, closed_ids, still_in_use);
  ASSERT_EQ(wait_for_zero(*reader_, ids.semid), 0);
  expect_done(*reader_, closed_ids);
}

// --- Opening over a segment ---

TEST_F(HeaderObjects, are_not_opened_over_by_their_maker_while_others_are_attached_though_their_times_moved) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  put_ids(ids);
  ASSERT_EQ(attach(*other_, ids.shmid), 0);
  const IpcIds fresh = ids_of(make_set(*reader_), make_segment(*reader_));
  const IpcIds stand_alone{fresh.semid, -1, fresh.sem_ctime, 0};
  expect_refusal(*reader_, fresh, still_in_use);
  move_times(*reader_, ids);
  expect_refusal(*reader_, fresh, still_in_use);
  expect_refusal(*reader_, stand_alone, still_in_use);
  // Nor by naming the same ones anew without the segment, nor by whom it was given to.
  const IpcIds moved = ids_of(ids.semid, ids.shmid);
  expect_refusal(*reader_, {moved.semid, -1, moved.sem_ctime, 0}, still_in_use);
  give_segment(ids.shmid, u2, g2, 0666);
  const IpcIds of_the_other = ids_of(make_set(*other_), make_segment(*other_));
  expect_refusal(*other_, of_the_other, still_in_use);
  expect_refusal(*reader_, fresh, still_in_use);
  // The same objects with their times of now are no other instance.
  expect_done(*reader_, ids_of(ids.semid, ids.shmid));
  // And once nobody uses the old ones, they are forgotten.
  ASSERT_EQ(detach(*other_), 0);
  expect_done(*reader_, fresh);
}

// After a reboot a header may name what is somebody else's by now, and in use.
TEST_F(HeaderObjects, are_opened_over_where_the_old_ids_are_a_strangers_by_now) {
  const IpcIds of_a_stranger = ids_of(make_set(*other_), make_segment(*other_));
  put_ids({of_a_stranger.semid, of_a_stranger.shmid, of_a_stranger.sem_ctime - 1000, of_a_stranger.shm_ctime - 1000});
  ASSERT_EQ(attach(*other_, of_a_stranger.shmid), 0);
  const IpcIds fresh = ids_of(make_set(*reader_), make_segment(*reader_));
  expect_done(*reader_, fresh);
  // The control: with their times they are alive.
  put_ids(of_a_stranger);
  expect_refusal(*reader_, fresh, still_in_use);
}

}  // namespace
}  // namespace secshr::test
