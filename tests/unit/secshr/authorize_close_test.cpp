// Who may take the ids out of a header: nobody who leaves another without them.
#include <cerrno>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;
using protocol::IpcIds;

// Ids 0 are as good as any.
constexpr IpcIds header{0, 0, 70, 80};
constexpr IpcIds stand_alone_header{0, -1, 70, 0};

// What the pair in the header stands for.
enum class Pair { unnamed, absent, other_time, mine, others };
enum class Attached { nobody, requester, my_other_process, another, requester_and_another, two_others };
enum class LastOperation { requester, my_other_process, another };

struct Closing {
  Pair segment;
  Attached attached;
  Pair set;
  LastOperation last;
};
bool is_allowed(const Closing& each);

class AuthorizeClose : public AuthorizeTest {
 protected:
  void put_segment(Pair pair) {
    if (pair == Pair::unnamed || pair == Pair::absent) return;
    const uid_t uid = pair == Pair::mine ? my_uid : other_uid;
    machine.segments[header.shmid] = {{uid, uid, pair == Pair::other_time ? 81 : 80}};
  }
  void put_set(Pair pair, LastOperation last) {
    if (pair == Pair::unnamed || pair == Pair::absent) return;
    const uid_t uid = pair == Pair::mine ? my_uid : other_uid;
    const pid_t pid = last == LastOperation::requester          ? my_pid
                      : last == LastOperation::my_other_process ? my_other_pid
                                                                : other_pid;
    machine.semaphore_sets[header.semid] = {object_of(uid, uid, pair == Pair::other_time ? 71 : 70), pid};
  }
  void put_attaches(Attached attached) {
    if (attached == Attached::requester || attached == Attached::requester_and_another) attach(my_pid, header.shmid);
    if (attached == Attached::my_other_process) attach(my_other_pid, header.shmid);
    if (attached == Attached::another || attached == Attached::requester_and_another ||
        attached == Attached::two_others) {
      attach(other_pid, header.shmid);
    }
    if (attached == Attached::two_others) attach(third_pid, header.shmid);
  }
  void check(const Closing& each) {
    start_anew();
    put_segment(each.segment);
    put_attaches(each.attached);
    put_set(each.set, each.last);
    EXPECT_EQ(decision_to_close(header_of(each.segment, each.set)), is_allowed(each) ? permitted : denied_live)
        << "segment " << static_cast<int>(each.segment) << " attached " << static_cast<int>(each.attached) << " set "
        << static_cast<int>(each.set) << " last operation " << static_cast<int>(each.last);
  }
  static IpcIds header_of(Pair segment, Pair set) {
    IpcIds ids = header;
    if (segment == Pair::unnamed) ids.shmid = -1, ids.shm_ctime = 0;
    if (set == Pair::unnamed) ids.semid = -1, ids.sem_ctime = 0;
    return ids;
  }
};

// The rule, restated: nobody is attached to the segment that has the id, or just the requester, who then must hold
// the semaphore set; and a set that lives is the requester's own, or held by it.
bool is_allowed(const Closing& each) {
  const bool there = each.set != Pair::unnamed && each.set != Pair::absent;
  const bool holds = there && (each.set == Pair::mine || each.last == LastOperation::requester);
  const bool set_lives = each.set == Pair::mine || each.set == Pair::others;
  if (each.attached != Attached::nobody && (each.attached != Attached::requester || !holds)) return false;
  return !set_lives || holds;
}

TEST_F(AuthorizeClose, follows_the_rule) {
  for (const Pair set : {Pair::unnamed, Pair::absent, Pair::other_time, Pair::mine, Pair::others}) {
    for (const auto last : {LastOperation::requester, LastOperation::my_other_process, LastOperation::another}) {
      for (const Pair segment : {Pair::unnamed, Pair::absent}) check({segment, Attached::nobody, set, last});
      for (const Pair segment : {Pair::other_time, Pair::mine, Pair::others}) {
        for (const Attached attached : {Attached::nobody, Attached::requester, Attached::my_other_process,
                                        Attached::another, Attached::requester_and_another, Attached::two_others}) {
          check({segment, attached, set, last});
        }
      }
    }
  }
}

TEST_F(AuthorizeClose, permits_a_header_that_is_closed_already) {
  EXPECT_EQ(decision_to_close(protocol::closed_ids), permitted);
}

TEST_F(AuthorizeClose, asks_nobody_about_negative_ids) {
  machine.segments[-6].error = EPERM;
  machine.semaphore_sets[-5].error = EPERM;
  EXPECT_EQ(decision_to_close({-5, -6, 70, 80}), permitted);
}

TEST_F(AuthorizeClose, refuses_when_the_one_attach_is_not_in_the_requesters_maps) {
  put_segment(Pair::mine);
  put_set(Pair::mine, LastOperation::requester);
  attach(other_pid, header.shmid);
  EXPECT_EQ(decision_to_close(header), denied_live);
  machine.processes.at(other_pid).attached.clear();
  attach(my_pid, header.shmid);
  EXPECT_EQ(decision_to_close(header), permitted);
}

TEST_F(AuthorizeClose, refuses_when_a_second_attach_came_after_the_look) {
  put_segment(Pair::others);
  put_set(Pair::others, LastOperation::requester);
  attach(my_pid, header.shmid);
  Seen seen = seen_with(header);
  attach(other_pid, header.shmid);
  EXPECT_EQ(decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, seen), denied_live);
}

// A process makes its maps show the id of a segment that only somebody else has attached: it needs a child that
// shares its memory, in an IPC namespace of its own, where it may choose ids. The attach count is then the other's.
TEST_F(AuthorizeClose, refuses_forged_maps_while_another_is_attached) {
  put_segment(Pair::others);
  put_set(Pair::others, LastOperation::another);
  attach(other_pid, header.shmid);
  machine.processes.at(my_pid).forged.insert(header.shmid);
  EXPECT_EQ(decision_to_close(header), denied_live);
}

// Its creator can move a segment's time at will, and a mere attach does not: whoever has the segment that the header
// names attached is not to lose it because of the time.
TEST_F(AuthorizeClose, refuses_while_others_are_attached_to_the_named_segment_though_its_time_moved) {
  put_segment(Pair::other_time);
  attach(other_pid, header.shmid);
  EXPECT_EQ(decision_to_close(header_of(Pair::other_time, Pair::unnamed)), denied_live);
  EXPECT_EQ(decision_to_close(header_of(Pair::other_time, Pair::absent)), denied_live);
}

TEST_F(AuthorizeClose, refuses_when_the_kernel_cannot_say_whether_the_segment_lives) {
  for (const int error : unknowable) {
    machine.segments[header.shmid].error = error;
    EXPECT_NE(decision_to_close(header_of(Pair::others, Pair::unnamed)), permitted) << error;
    EXPECT_NE(decision_to_close(header_of(Pair::others, Pair::absent)), permitted) << error;
  }
  for (const int gone : {EINVAL, EIDRM}) {
    machine.segments[header.shmid].error = gone;
    EXPECT_EQ(decision_to_close(header_of(Pair::others, Pair::unnamed)), permitted) << gone;
  }
}

TEST_F(AuthorizeClose, refuses_when_the_kernel_cannot_say_whether_the_semaphore_set_lives) {
  for (const int error : unknowable) {
    machine.semaphore_sets[header.semid].error = error;
    EXPECT_NE(decision_to_close(stand_alone_header), permitted) << error;
  }
  for (const int gone : {EINVAL, EIDRM}) {
    machine.semaphore_sets[header.semid].error = gone;
    EXPECT_EQ(decision_to_close(stand_alone_header), permitted) << gone;
  }
}

TEST_F(AuthorizeClose, refuses_a_strangers_stand_alone_set_when_its_last_operation_is_unknown) {
  put_set(Pair::others, LastOperation::requester);
  EXPECT_EQ(decision_to_close(stand_alone_header), permitted);
  machine.last_operation_error = EPERM;
  EXPECT_EQ(decision_to_close(stand_alone_header), denied_live);
}

// To wait for a zero takes read permission alone and makes the requester the last that operated, too.
TEST_F(AuthorizeClose, refuses_the_last_that_operated_on_a_set_which_it_may_not_alter) {
  constexpr gid_t staff = 50;
  const auto decision_for = [&](uid_t uid, gid_t gid, unsigned mode, const std::vector<gid_t>& groups) {
    machine.semaphore_sets[header.semid] = {
        {.uid = uid, .cuid = other_uid, .ctime = 70, .gid = gid, .cgid = 99, .mode = mode}, my_pid};
    Seen seen = seen_with(stand_alone_header);
    seen.report.groups = groups;
    return decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, seen);
  };
  for (const unsigned mode : {0664U, 0644U, 0604U, 0444U, 0U}) {
    EXPECT_EQ(decision_for(other_uid, staff, mode, {}), denied_live) << std::oct << mode;
  }
  for (const unsigned mode : {0666U, 0602U, 0002U}) {
    EXPECT_EQ(decision_for(other_uid, staff, mode, {}), permitted) << std::oct << mode;
  }
  EXPECT_EQ(decision_for(other_uid, staff, 0664, {staff}), permitted);
  EXPECT_EQ(decision_for(other_uid, my_gid, 0664, {}), permitted);
  EXPECT_EQ(decision_for(other_uid, staff, 0646, {staff}), denied_live) << "the group is shut out";
  EXPECT_EQ(decision_for(my_uid, staff, 0644, {}), permitted);
  EXPECT_EQ(decision_for(my_uid, staff, 0466, {}), denied_live);
}

TEST_F(AuthorizeClose, refuses_the_last_that_operated_where_its_groups_are_not_known_unless_it_made_the_set) {
  Seen seen = seen_with(stand_alone_header);
  const auto close = [&] { return decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, seen); };
  put_set(Pair::others, LastOperation::requester);
  EXPECT_EQ(close(), permitted);
  seen.report.knows_groups = false;
  EXPECT_EQ(close(), denied_live);
  put_set(Pair::mine, LastOperation::requester);
  EXPECT_EQ(close(), permitted);
}

TEST_F(AuthorizeClose, counts_the_creator_of_a_stand_alone_set_and_not_its_owner) {
  // Root opened first and gave the set to the database's owner.
  machine.semaphore_sets[header.semid] = {{.uid = my_uid, .cuid = 0, .ctime = 70}, other_pid};
  EXPECT_EQ(decision_to_close(stand_alone_header), denied_live);
  machine.semaphore_sets[header.semid] = {{.uid = 0, .cuid = my_uid, .ctime = 70}, other_pid};
  EXPECT_EQ(decision_to_close(stand_alone_header), permitted);
}

}  // namespace
}  // namespace secshr
