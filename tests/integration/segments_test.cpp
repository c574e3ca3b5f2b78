// Removing segments: nobody may be attached.
#include <sys/shm.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>

#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

const Expected attached = refused(EBUSY, "shm.attached");

class BrokerSegments : public BrokerRemoval {
 protected:
  static void expect_removed(Client& client, int shmid) { BrokerRemoval::expect_removed<Segments>(client, shmid); }
  static void expect_attached(Client& client, int shmid) { expect_kept<Segments>(client, shmid, attached); }
};

TEST_F(BrokerSegments, refuses_a_segment_that_anybody_is_attached_to) {
  for (Client* const user : {maker_.get(), stranger_.get(), asker_.get()}) {
    const int shmid = make_segment(*maker_, 0666);
    ASSERT_EQ(attach(*user, shmid), 0);
    expect_attached(*asker_, shmid);
    ASSERT_EQ(detach(*user), 0);
    expect_removed(*asker_, shmid);
  }
}

TEST_F(BrokerSegments, refuses_a_segment_that_root_is_attached_to) {
  const int shmid = make_segment(*maker_, 0666);
  void* const place = ::shmat(shmid, nullptr, 0);
  ASSERT_NE(reinterpret_cast<std::intptr_t>(place), -1);
  expect_attached(*asker_, shmid);
  ASSERT_EQ(::shmdt(place), 0);
  expect_removed(*asker_, shmid);
}

TEST_F(BrokerSegments, whoever_was_attached_and_was_killed_is_attached_no_more) {
  const int shmid = make_segment(*maker_, 0666);
  const auto doomed = connect(third_user);
  ASSERT_EQ(attach(*doomed, shmid), 0);
  expect_attached(*asker_, shmid);
  ASSERT_EQ(::kill(doomed->pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !is_running(doomed->pid()); }));
  expect_removed(*asker_, shmid);
}

TEST_F(BrokerSegments, a_segment_that_only_waits_for_its_last_detach_is_attached) {
  const int shmid = make_segment(*maker_, 0666);
  ASSERT_EQ(attach(*stranger_, shmid), 0);
  remove_segment(shmid);
  (void)expect_answer(*asker_, protocol::RemoveSegment{shmid}, attached);
  ASSERT_EQ(detach(*stranger_), 0);
  (void)expect_answer(*asker_, protocol::RemoveSegment{shmid}, malformed);
}

TEST_F(BrokerSegments, to_write_without_reading_is_not_enough) {
  for (const unsigned mode : {0602U, 0604U}) {
    const int shmid = make_segment(*maker_, static_cast<int>(mode));
    expect_kept<Segments>(*asker_, shmid, refused(EPERM, "shm.rw"));
  }
  expect_removed(*asker_, make_segment(*maker_, 0606));
}

// What the client may not do is said before what others do: a refusal tells nobody who is attached.
TEST_F(BrokerSegments, who_may_not_reach_a_segment_is_not_told_whether_anybody_is_attached) {
  const int shmid = make_segment(*maker_, 0600);
  ASSERT_EQ(attach(*maker_, shmid), 0);
  expect_kept<Segments>(*asker_, shmid, refused(EPERM, "shm.rw"));
  ASSERT_EQ(detach(*maker_), 0);
  expect_kept<Segments>(*asker_, shmid, refused(EPERM, "shm.rw"));
}

TEST_F(BrokerSegments, one_that_is_attached_and_detached_all_the_time_is_removed_or_in_use_and_nothing_else) {
  const int shmid = make_segment(*maker_, 0666);
  stranger_->start([shmid] {
    while (true) {
      void* const place = ::shmat(shmid, nullptr, 0);
      if (reinterpret_cast<std::intptr_t>(place) == -1) return 0;
      (void)::shmdt(place);
    }
  });
  std::optional<int> code;
  for (std::uint64_t round = 1; round <= 20000 && code != 0; ++round) {
    code = answer(*asker_, datagram(*asker_, protocol::RemoveSegment{shmid}, round));
    ASSERT_TRUE(code == 0 || code == EBUSY) << code.value_or(-1);
  }
  EXPECT_EQ(code, 0) << "never met without an attach";
  // Removed while attached, it goes with its last detach.
  EXPECT_TRUE(eventually([shmid] { return !segment_exists(shmid); }));
}

}  // namespace
}  // namespace secshr::test
