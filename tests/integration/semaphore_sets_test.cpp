// Removing semaphore sets: anybody may alter the ftok sets of stock clients, so that who operated on member 0 last
// decides as well.
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

const Expected in_use = refused(EBUSY, "sem.lastop");

class BrokerSets : public BrokerRemoval {
 protected:
  static void expect_removed(Client& client, int semid) {
    BrokerRemoval::expect_removed<SemaphoreSets>(client, semid);
  }
  static void expect_in_use(Client& client, int semid) { expect_kept<SemaphoreSets>(client, semid, in_use); }
};

TEST_F(BrokerSets, removes_a_world_alterable_set_that_nobody_has_operated_on) {
  expect_removed(*asker_, make_set(*maker_, 0777));
}

TEST_F(BrokerSets, refuses_a_set_that_a_stranger_who_lives_operated_on_last) {
  const int semid = make_set(*maker_, 0777);
  ASSERT_EQ(operate_on(*stranger_, semid), 0);
  expect_in_use(*asker_, semid);
  // Not even its maker: it cannot know that the stranger is done.
  expect_in_use(*maker_, semid);
  // Once the client holds it itself, it is its to remove.
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  expect_removed(*asker_, semid);
}

TEST_F(BrokerSets, a_stranger_who_has_ended_or_is_a_zombie_holds_nothing) {
  for (const bool reaped : {true, false}) {
    SCOPED_TRACE(reaped);
    const int semid = make_set(*maker_, 0777);
    const pid_t stranger = ::fork();
    if (stranger == 0) {
      become(third_user);
      sembuf operation{0, 1, IPC_NOWAIT};
      const bool operated = ::semop(semid, &operation, 1) == 0;
      (void)::raise(SIGSTOP);
      ::_exit(operated ? 0 : 1);
    }
    ASSERT_TRUE(eventually([&] { return status_of(stranger).at("State").starts_with('T'); }));
    expect_in_use(*asker_, semid);
    resume({stranger});
    ASSERT_TRUE(eventually([&] { return !is_running(stranger); }));
    int status = -1;
    if (reaped) {
      ASSERT_EQ(::waitpid(stranger, &status, 0), stranger);
    }
    expect_removed(*asker_, semid);
    if (!reaped) {
      ASSERT_EQ(::waitpid(stranger, &status, 0), stranger);
    }
    EXPECT_EQ(status, 0);
  }
}

TEST_F(BrokerSets, another_process_of_the_clients_own_user_is_a_stranger_too) {
  const auto colleague = connect(first_user);
  const int semid = make_set(*maker_, 0777);
  ASSERT_EQ(operate_on(*colleague, semid), 0);
  expect_in_use(*asker_, semid);
  expect_removed(*colleague, semid);
}

TEST_F(BrokerSets, a_process_of_roots_is_a_stranger_too) {
  const int semid = make_set(*maker_, 0777);
  sembuf operation{0, 1, IPC_NOWAIT};
  ASSERT_EQ(::semop(semid, &operation, 1), 0);
  expect_in_use(*asker_, semid);
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  expect_removed(*asker_, semid);
}

TEST_F(BrokerSets, setting_a_value_counts_as_an_operation) {
  const int semid = make_set(*maker_, 0777);
  ASSERT_EQ(stranger_->run([semid] { return ::semctl(semid, 0, SETVAL, 3) == 0 ? 0 : errno; }), 0);
  expect_in_use(*asker_, semid);
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  expect_removed(*asker_, semid);
}

// Such a set looks like one on whose member 0 somebody whom nobody here can see has operated: in another pid
// namespace.
TEST_F(BrokerSets, a_set_that_was_operated_on_by_nobody_that_can_be_named_is_in_use) {
  const int semid = make_set(*maker_, 0777);
  ASSERT_EQ(stranger_->run([semid] {
    sembuf operation{1, 1, IPC_NOWAIT};
    return ::semop(semid, &operation, 1) == 0 ? 0 : errno;
  }),
            0);
  expect_in_use(*asker_, semid);
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  expect_removed(*asker_, semid);
}

TEST_F(BrokerSets, operations_on_other_members_do_not_count_after_one_on_the_first) {
  const int semid = make_set(*maker_, 0777);
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  ASSERT_EQ(stranger_->run([semid] {
    sembuf operation{1, 1, IPC_NOWAIT};
    return ::semop(semid, &operation, 1) == 0 ? 0 : errno;
  }),
            0);
  expect_removed(*asker_, semid);
}

TEST_F(BrokerSets, others_that_wait_for_the_set_are_told_by_the_kernel) {
  const int semid = make_set(*maker_, 0777);
  const pid_t waiting = ::fork();
  if (waiting == 0) {
    become(third_user);
    sembuf operation{1, -1, 0};
    ::_exit(::semop(semid, &operation, 1) != 0 && errno == EIDRM ? 0 : 1);
  }
  ASSERT_TRUE(eventually([&] { return ::semctl(semid, 1, GETNCNT) == 1; }));
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  expect_removed(*asker_, semid);
  EXPECT_EQ(wait_for(waiting), exited(0));
}

TEST_F(BrokerSets, a_set_whose_last_user_nobody_can_ask_for_is_in_use) {
  // Nobody at all may read it.
  const int semid = make_set(*maker_, 0777);
  give_set(semid, u2, g2, 0333);
  ASSERT_EQ(operate_on(*asker_, semid), 0);
  expect_in_use(*asker_, semid);
  // One class is enough, though neither the owner nor the client is of it.
  give_set(semid, u2, g2, 0373);
  expect_removed(*asker_, semid);
}

TEST_F(BrokerSets, what_root_made_for_somebody_is_in_use_while_its_user_lives) {
  const int semid = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  ASSERT_GE(semid, 0);
  give_set(semid, u2, g2, 0666);
  ASSERT_EQ(operate_on(*stranger_, semid), 0);
  expect_in_use(*asker_, semid);
  stranger_.reset();
  expect_removed(*asker_, semid);
}

}  // namespace
}  // namespace secshr::test
