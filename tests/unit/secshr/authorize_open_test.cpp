// Who may put which ids into a header: only objects that are the requester's or named there already, and never over a
// live pair.
#include <array>
#include <cerrno>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;
using protocol::IpcIds;

// A client asks for set 0 and segment 0; the header may name set 1 and segment 1. Ids 0 are as good as any.
constexpr IpcIds wanted{0, 0, 70, 80};
constexpr IpcIds other{1, 1, 71, 81};  // also the times of wanted objects that are not as asked for

enum class Object { mine, others, other_time, absent };                    // what is asked for
enum class Header { none, same, same_id_other_time, live, dead, reused };  // what the header says instead

struct Opening {
  Object set;
  bool holds_set;  // the requester was the last to operate on it
  Object segment;
  bool with_segment;  // or stand-alone
  Header header_set;
  Header header_segment;
};
bool ids_are_right(const Opening& each);
bool forgets_live(const Opening& each);

class AuthorizeOpen : public AuthorizeTest {
 protected:
  void put_set(Object object, bool held = true) {
    if (object == Object::absent) return;
    const uid_t uid = object == Object::others ? other_uid : my_uid;
    const std::int64_t ctime = wanted.sem_ctime + (object == Object::other_time ? 1 : 0);
    machine.semaphore_sets[wanted.semid] = {object_of(uid, uid, ctime), held ? my_pid : other_pid};
  }
  void put_segment(Object object) {
    if (object == Object::absent) return;
    const uid_t uid = object == Object::others ? other_uid : my_uid;
    machine.segments[wanted.shmid] = {{uid, uid, wanted.shm_ctime + (object == Object::other_time ? 1 : 0)}};
  }
  // The header's set, and the object that it names where that is not the wanted one.
  void put_header_set(Header in_header, IpcIds& ids) {
    if (in_header == Header::none) return;
    const bool same_id = in_header == Header::same || in_header == Header::same_id_other_time;
    ids.semid = same_id ? wanted.semid : other.semid;
    ids.sem_ctime = in_header == Header::same ? wanted.sem_ctime : other.sem_ctime;
    if (in_header == Header::live) machine.semaphore_sets[other.semid] = {{other_uid, other_uid, other.sem_ctime}, 0};
    if (in_header == Header::reused) machine.semaphore_sets[other.semid] = {{other_uid, other_uid, 99}, 0};
  }
  void put_header_segment(Header in_header, IpcIds& ids) {
    if (in_header == Header::none) return;
    const bool same_id = in_header == Header::same || in_header == Header::same_id_other_time;
    ids.shmid = same_id ? wanted.shmid : other.shmid;
    ids.shm_ctime = in_header == Header::same ? wanted.shm_ctime : other.shm_ctime;
    if (in_header == Header::live) machine.segments[other.shmid] = {{other_uid, other_uid, other.shm_ctime}};
    if (in_header == Header::reused) machine.segments[other.shmid] = {{other_uid, other_uid, 99}};
  }

  void check(const Opening& each) {
    start_anew();
    IpcIds header = protocol::closed_ids;
    put_set(each.set, each.holds_set);
    put_segment(each.segment);
    put_header_set(each.header_set, header);
    put_header_segment(each.header_segment, header);
    IpcIds asked = wanted;
    if (!each.with_segment) asked.shmid = -1, asked.shm_ctime = 0;
    const std::string expected = !ids_are_right(each) ? denied_ids : forgets_live(each) ? denied_live : permitted;
    EXPECT_EQ(decision_to_open(asked, header), expected)
        << "set " << static_cast<int>(each.set) << " held " << each.holds_set << " segment "
        << static_cast<int>(each.segment) << " asked for " << each.with_segment << " header's set "
        << static_cast<int>(each.header_set) << " and segment " << static_cast<int>(each.header_segment);
  }
};

bool is_as_asked(Object object) {
  return object == Object::mine || object == Object::others;
}

// The rule, restated: each named object exists with its time, and is the requester's or in the header; who adds a
// segment to somebody else's stand-alone access holds the set, too ...
bool ids_are_right(const Opening& each) {
  const bool adds_segment = each.with_segment && each.header_segment != Header::same;
  const bool others_set = each.header_set == Header::same && (each.holds_set || !adds_segment);
  const bool set = is_as_asked(each.set) && (each.set == Object::mine || others_set);
  const bool segment =
      is_as_asked(each.segment) && (each.segment == Object::mine || each.header_segment == Header::same);
  return set && (!each.with_segment || segment);
}

// ... and the header names no other object that lives.
bool forgets_live(const Opening& each) {
  if (each.header_set == Header::live || each.header_segment == Header::live) return true;
  if (each.with_segment) return false;
  // Without a segment of its own the client would forget the header's, even one with the id that it could have asked
  // for.
  if (each.header_segment == Header::same) return is_as_asked(each.segment);
  return each.header_segment == Header::same_id_other_time && each.segment == Object::other_time;
}

TEST_F(AuthorizeOpen, follows_the_rule) {
  constexpr std::array objects{Object::mine, Object::others, Object::other_time, Object::absent};
  constexpr std::array headers{Header::none, Header::same, Header::same_id_other_time,
                               Header::live, Header::dead, Header::reused};
  for (const Object set : objects) {
    for (const Object segment : objects) {
      for (const Header header_set : headers) {
        for (const Header header_segment : headers) {
          for (const bool with_segment : {true, false}) {
            check({set, true, segment, with_segment, header_set, header_segment});
            check({set, false, segment, with_segment, header_set, header_segment});
          }
        }
      }
    }
  }
}

TEST_F(AuthorizeOpen, refuses_to_forget_a_live_segment_for_stand_alone_access) {
  put_set(Object::mine);
  put_segment(Object::others);
  EXPECT_EQ(decision_to_open({0, -1, 70, 0}, {-1, 0, 0, 80}), denied_live);
  machine.segments.clear();
  EXPECT_EQ(decision_to_open({0, -1, 70, 0}, {-1, 0, 0, 80}), permitted);
}

// Its creator and its owner can move a segment's time at will.
TEST_F(AuthorizeOpen, refuses_to_forget_an_attached_segment_of_the_requester_whatever_its_time) {
  put_set(Object::mine);
  put_segment(Object::mine);
  const IpcIds header{1, 1, 71, 81};
  const auto decision_over = [&](uid_t uid, uid_t cuid, bool attached) {
    machine.segments[header.shmid] = {object_of(uid, cuid, header.shm_ctime + 5)};
    machine.processes.at(other_pid).attached.clear();
    if (attached) attach(other_pid, header.shmid);
    return decision_to_open(wanted, header);
  };
  EXPECT_EQ(decision_over(my_uid, my_uid, true), denied_live);
  EXPECT_EQ(decision_over(my_uid, other_uid, true), denied_live);
  EXPECT_EQ(decision_over(other_uid, my_uid, true), denied_live);
  EXPECT_EQ(decision_over(my_uid, my_uid, false), permitted);
  // After a reboot the id may be a stranger's by now.
  EXPECT_EQ(decision_over(other_uid, other_uid, true), permitted);
  EXPECT_EQ(decision_over(0, 0, true), permitted);
  // Nor for stand-alone access.
  (void)decision_over(my_uid, my_uid, true);
  EXPECT_EQ(decision_to_open({wanted.semid, -1, wanted.sem_ctime, 0}, header), denied_live);
}

TEST_F(AuthorizeOpen, names_the_same_objects_anew_after_their_times_have_moved_but_no_other_set_for_an_attached_one) {
  put_set(Object::mine);
  put_segment(Object::mine);
  attach(other_pid, wanted.shmid);
  EXPECT_EQ(decision_to_open(wanted, {wanted.semid, wanted.shmid, 60, 61}), permitted);
  EXPECT_EQ(decision_to_open(wanted, {9, wanted.shmid, 60, 61}), denied_live);
  machine.processes.at(other_pid).attached.clear();
  EXPECT_EQ(decision_to_open(wanted, {9, wanted.shmid, 60, 61}), permitted);
}

// Adding a segment to somebody else's stand-alone access.
TEST_F(AuthorizeOpen, refuses_a_segment_beside_a_set_that_the_requester_may_only_read) {
  put_segment(Object::mine);
  const IpcIds header{wanted.semid, -1, wanted.sem_ctime, 0};
  put_set(Object::others, true);
  EXPECT_EQ(decision_to_open(wanted, header), permitted);
  machine.semaphore_sets.at(wanted.semid).object.mode = 0644;
  EXPECT_EQ(decision_to_open(wanted, header), denied_ids);
}

TEST_F(AuthorizeOpen, refuses_another_uids_segment_beside_the_requesters_own_set) {
  put_set(Object::mine);
  put_segment(Object::others);
  EXPECT_EQ(decision_to_open(wanted, protocol::closed_ids), denied_ids);
  EXPECT_EQ(decision_to_open(wanted, {-1, 0, 0, 80}), permitted);
}

TEST_F(AuthorizeOpen, counts_the_creator_and_not_the_owner) {
  // The owner can be given away, even to the requester; the creator stays.
  put_segment(Object::mine);
  machine.semaphore_sets[0] = {{.uid = my_uid, .cuid = other_uid, .ctime = 70}, 0};
  EXPECT_EQ(decision_to_open(wanted, protocol::closed_ids), denied_ids);
  machine.semaphore_sets[0] = {{.uid = other_uid, .cuid = my_uid, .ctime = 70}, 0};
  EXPECT_EQ(decision_to_open(wanted, protocol::closed_ids), permitted);
  machine.segments[0] = {{.uid = my_uid, .cuid = other_uid, .ctime = 80}};
  EXPECT_EQ(decision_to_open(wanted, protocol::closed_ids), denied_ids);
}

TEST_F(AuthorizeOpen, refuses_when_the_kernel_cannot_say_whether_the_wanted_objects_exist) {
  put_set(Object::mine);
  put_segment(Object::mine);
  ASSERT_EQ(decision_to_open(wanted, protocol::closed_ids), permitted);
  for (const int error : unknowable) {
    machine.semaphore_sets[wanted.semid].error = error;
    EXPECT_NE(decision_to_open(wanted, protocol::closed_ids), permitted) << error;
    machine.semaphore_sets[wanted.semid].error.reset();
    machine.segments[wanted.shmid].error = error;
    EXPECT_NE(decision_to_open(wanted, protocol::closed_ids), permitted) << error;
    machine.segments[wanted.shmid].error.reset();
  }
}

TEST_F(AuthorizeOpen, refuses_when_the_kernel_cannot_say_whether_the_headers_segment_lives) {
  put_set(Object::mine);
  for (const int error : unknowable) {
    machine.segments[1].error = error;
    EXPECT_NE(decision_to_open({0, -1, 70, 0}, {-1, 1, 0, 81}), permitted) << error;
  }
  for (const int gone : {EINVAL, EIDRM}) {
    machine.segments[1].error = gone;
    EXPECT_EQ(decision_to_open({0, -1, 70, 0}, {-1, 1, 0, 81}), permitted) << gone;
  }
}

TEST_F(AuthorizeOpen, refuses_when_the_kernel_cannot_say_whether_the_headers_set_lives) {
  put_set(Object::mine);
  put_segment(Object::mine);
  for (const int error : unknowable) {
    machine.semaphore_sets[1].error = error;
    EXPECT_NE(decision_to_open(wanted, {1, -1, 71, 0}), permitted) << error;
  }
  for (const int gone : {EINVAL, EIDRM}) {
    machine.semaphore_sets[1].error = gone;
    EXPECT_EQ(decision_to_open(wanted, {1, -1, 71, 0}), permitted) << gone;
  }
}

}  // namespace
}  // namespace secshr
