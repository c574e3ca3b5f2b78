// Who may remove a semaphore set or a segment: whoever could empty it of all meaning anyway, when nobody uses it.
#include <array>
#include <cerrno>
#include <limits>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;

constexpr std::int32_t id = 0;  // as good as any
constexpr gid_t shared_group = 500;
constexpr pid_t nobodys_pid = 4000;

class AuthorizeIpc : public AuthorizeTest {
 protected:
  AuthorizeIpc() { put(theirs); }

  void put(const IpcObject& object) {
    machine.semaphore_sets[id] = {.object = object, .last_operation = my_pid};
    machine.segments[id] = {.object = object};
  }
  void put_mode(unsigned mode) {
    IpcObject object = theirs;
    object.mode = mode;
    put(object);
  }
  std::string set_decision(const Seen& seen = seen_client()) {
    return decision(protocol::RemoveSemaphoreSet{id}, seen);
  }
  std::string segment_decision(const Seen& seen = seen_client()) {
    return decision(protocol::RemoveSegment{id}, seen);
  }
  SimulatedSemaphoreSet& set() { return machine.semaphore_sets.at(id); }
  SimulatedSegment& segment() { return machine.segments.at(id); }

  // Another user's, as a 0666 database's are.
  static constexpr IpcObject theirs{
      .uid = other_uid, .cuid = other_uid, .ctime = 70, .gid = 9, .cgid = 9, .mode = 0666, .key = 0x2b000001};
  const std::string sem_alter = denied("sem.alter", EPERM);
  const std::string sem_lastop = denied("sem.lastop", EBUSY);
  const std::string shm_rw = denied("shm.rw", EPERM);
  const std::string shm_attached = denied("shm.attached", EBUSY);
  const std::string ipc_root = denied("ipc.root", EPERM);
};

TEST_F(AuthorizeIpc, permits_just_the_object_that_was_looked_at) {
  const Seen seen = seen_client();
  const auto set_permit = authorize(protocol::RemoveSemaphoreSet{id}, &seen);
  ASSERT_TRUE(set_permit);
  const auto& set_removal = std::get<Permit<SemaphoreSetRemoval>>(*set_permit).what();
  EXPECT_EQ(set_removal.semid, id);
  EXPECT_EQ(set_removal.facts.object, theirs);
  const auto segment_permit = authorize(protocol::RemoveSegment{id}, &seen);
  ASSERT_TRUE(segment_permit);
  const auto& segment_removal = std::get<Permit<SegmentRemoval>>(*segment_permit).what();
  EXPECT_EQ(segment_removal.shmid, id);
  EXPECT_EQ(segment_removal.facts.object, theirs);
  EXPECT_EQ(segment_removal.facts.attach_count, 0U);
  EXPECT_TRUE(machine.journal.empty()) << "to authorize changes nothing";
}

// What one may do decides, and not what is one's own.

TEST_F(AuthorizeIpc, refuses_removal_of_a_semaphore_set_the_client_can_read_but_not_alter) {
  put_mode(0664);
  EXPECT_EQ(set_decision(), sem_alter);
  put_mode(0662);
  EXPECT_EQ(set_decision(), permitted) << "altering is enough";
}

TEST_F(AuthorizeIpc, refuses_removal_of_a_segment_the_client_cannot_both_read_and_write) {
  for (const unsigned mode : {0660U, 0664U, 0662U, 0661U}) {
    put_mode(mode);
    EXPECT_EQ(segment_decision(), shm_rw) << mode;
  }
  put_mode(0666);
  EXPECT_EQ(segment_decision(), permitted);
}

TEST_F(AuthorizeIpc, refuses_its_own_object_that_it_may_not_alter) {
  put({.uid = my_uid, .cuid = my_uid, .mode = 0466});
  EXPECT_EQ(set_decision(), sem_alter);
  EXPECT_EQ(segment_decision(), shm_rw);
  put({.uid = my_uid, .cuid = my_uid, .mode = 0600});
  EXPECT_EQ(set_decision(), permitted);
  EXPECT_EQ(segment_decision(), permitted);
}

TEST_F(AuthorizeIpc, counts_the_groups_that_the_looker_saw_and_no_others) {
  IpcObject object = theirs;
  object.mode = 0660;
  object.gid = shared_group;
  put(object);
  EXPECT_EQ(set_decision(seen_client({shared_group})), permitted);
  EXPECT_EQ(segment_decision(seen_client({1000, shared_group})), permitted);
  EXPECT_EQ(set_decision(seen_client({shared_group + 1})), sem_alter);
  EXPECT_EQ(segment_decision(seen_client({})), shm_rw);
  // The kernel's word about the gid counts beside them.
  object.gid = my_gid;
  put(object);
  EXPECT_EQ(set_decision(), permitted);
  EXPECT_EQ(segment_decision(), permitted);
}

// Who belongs to a group that may do less than others gets less.
TEST_F(AuthorizeIpc, refuses_a_member_of_a_group_that_is_shut_out) {
  IpcObject object = theirs;
  object.mode = 0606;
  object.cgid = shared_group;
  put(object);
  EXPECT_EQ(set_decision(seen_client({shared_group})), sem_alter);
  EXPECT_EQ(segment_decision(seen_client({shared_group})), shm_rw);
  EXPECT_EQ(set_decision(), permitted);
  EXPECT_EQ(segment_decision(), permitted);
}

// The last operation.

TEST_F(AuthorizeIpc, refuses_removal_of_a_semaphore_set_that_another_living_process_used_last) {
  for (const pid_t pid : {other_pid, my_other_pid}) {
    set().last_operation = pid;
    EXPECT_EQ(set_decision(), sem_lastop) << pid;
  }
  set().last_operation = my_pid;
  EXPECT_EQ(set_decision(), permitted);
}

TEST_F(AuthorizeIpc, refuses_its_own_semaphore_set_too_while_another_uses_it) {
  put({.uid = my_uid, .cuid = my_uid, .mode = 0666});
  set().last_operation = other_pid;
  EXPECT_EQ(set_decision(), sem_lastop);
}

TEST_F(AuthorizeIpc, permits_removal_after_the_process_that_used_it_last_has_ended) {
  set().last_operation = other_pid;
  ASSERT_EQ(set_decision(), sem_lastop);
  machine.processes.at(other_pid).alive = false;
  EXPECT_EQ(set_decision(), permitted);
  machine.processes.at(other_pid).zombie = true;
  EXPECT_EQ(set_decision(), permitted);
  set().last_operation = nobodys_pid;
  EXPECT_EQ(set_decision(), permitted);
}

// A question that fails is no word of an end.
TEST_F(AuthorizeIpc, refuses_while_nobody_can_say_whether_the_process_that_used_it_last_has_ended) {
  set().last_operation = other_pid;
  machine.processes.at(other_pid).zombie = true;
  machine.processes.at(other_pid).alive = false;
  machine.cannot_tell_ends = true;
  EXPECT_EQ(set_decision(), sem_lastop);
  machine.cannot_tell_ends = false;
  EXPECT_EQ(set_decision(), permitted);
}

TEST_F(AuthorizeIpc, refuses_when_the_pid_of_the_one_who_used_it_last_is_another_processs_by_now) {
  set().last_operation = other_pid;
  machine.processes.at(other_pid).alive = false;
  ASSERT_EQ(set_decision(), permitted);
  machine.start(other_pid, {.uid = other_uid, .gid = 1});
  EXPECT_EQ(set_decision(), sem_lastop);
}

TEST_F(AuthorizeIpc, takes_pid_zero_for_nobody_only_where_there_was_no_operation) {
  set().last_operation = 0;
  set().otime = 0;
  EXPECT_EQ(set_decision(), permitted);
  set().otime = 1;  // by somebody in a pid namespace that we cannot see
  EXPECT_EQ(set_decision(), sem_lastop);
  set().otime = -1;
  EXPECT_EQ(set_decision(), sem_lastop);
}

TEST_F(AuthorizeIpc, refuses_when_the_kernel_does_not_say_who_used_it_last) {
  for (const int error : {EACCES, EPERM, ENOSYS, EINVAL, EIDRM}) {
    machine.last_operation_error = error;
    EXPECT_EQ(set_decision(), sem_lastop) << error;
  }
  machine.last_operation_error.reset();
  EXPECT_EQ(set_decision(), permitted);
}

TEST_F(AuthorizeIpc, refuses_when_nobody_can_tell_whether_the_one_who_used_it_last_lives) {
  set().last_operation = nobodys_pid;
  for (const int error : {EMFILE, ENFILE, ENOMEM, EINVAL, ENOENT, EPERM}) {
    machine.open_process_error = error;
    EXPECT_EQ(set_decision(), sem_lastop) << error;
  }
  machine.open_process_error = ESRCH;
  EXPECT_EQ(set_decision(), permitted);
}

// Root's.

TEST_F(AuthorizeIpc, refuses_what_root_owns_and_made_unless_configured) {
  put({.uid = 0, .cuid = 0, .mode = 0666});
  machine.may_act_as_root = true;
  EXPECT_EQ(set_decision(), ipc_root);
  EXPECT_EQ(segment_decision(), ipc_root);
  policy.allow_root_objects = true;
  EXPECT_EQ(set_decision(), permitted);
  EXPECT_EQ(segment_decision(), permitted);
}

TEST_F(AuthorizeIpc, keeps_to_every_other_rule_where_root_objects_are_allowed) {
  policy.allow_root_objects = true;
  machine.may_act_as_root = true;
  put({.uid = 0, .cuid = 0, .mode = 0664});
  EXPECT_EQ(set_decision(), sem_alter);
  EXPECT_EQ(segment_decision(), shm_rw);
  put({.uid = 0, .cuid = 0, .mode = 0666});
  set().last_operation = other_pid;
  machine.processes.at(other_pid).attached.insert(id);
  EXPECT_EQ(set_decision(), sem_lastop);
  EXPECT_EQ(segment_decision(), shm_attached);
}

TEST_F(AuthorizeIpc, takes_what_root_made_for_somebody_or_got_from_somebody_for_that_users) {
  for (const IpcObject& object :
       {IpcObject{.uid = other_uid, .cuid = 0, .mode = 0666}, IpcObject{.uid = 0, .cuid = other_uid, .mode = 0666}}) {
    put(object);
    EXPECT_EQ(set_decision(), permitted) << object.uid;
    EXPECT_EQ(segment_decision(), permitted) << object.uid;
    EXPECT_EQ(object.acting_owner(), other_uid);
  }
  EXPECT_EQ((IpcObject{.uid = my_uid, .cuid = other_uid}).acting_owner(), my_uid);
  EXPECT_EQ((IpcObject{.uid = 0, .cuid = 0}).acting_owner(), 0U);
}

// Attaches.

TEST_F(AuthorizeIpc, refuses_a_segment_with_any_attach_even_the_clients_own) {
  EXPECT_EQ(segment_decision(), permitted);
  attach(my_pid, id);
  EXPECT_EQ(segment_decision(), shm_attached);
  attach(other_pid, id);
  EXPECT_EQ(segment_decision(), shm_attached);
  machine.processes.at(my_pid).attached.clear();
  EXPECT_EQ(segment_decision(), shm_attached);
  machine.processes.at(other_pid).attached.clear();
  EXPECT_EQ(segment_decision(), permitted);
}

// What is not there.

TEST_F(AuthorizeIpc, tells_what_is_missing_or_being_removed_as_missing) {
  for (const int gone : {EINVAL, EIDRM}) {
    set().error = gone;
    segment().error = gone;
    EXPECT_EQ(set_decision(), denied("-", EINVAL)) << gone;
    EXPECT_EQ(segment_decision(), denied("-", EINVAL)) << gone;
  }
  machine.semaphore_sets.clear();
  machine.segments.clear();
  for (const std::int32_t each :
       {std::numeric_limits<std::int32_t>::min(), -1, 0, 1, std::numeric_limits<std::int32_t>::max()}) {
    EXPECT_EQ(decision(protocol::RemoveSemaphoreSet{each}, seen_client()), denied("-", EINVAL)) << each;
    EXPECT_EQ(decision(protocol::RemoveSegment{each}, seen_client()), denied("-", EINVAL)) << each;
  }
}

TEST_F(AuthorizeIpc, refuses_when_the_kernel_cannot_say_what_the_object_is) {
  for (const int error : unknowable) {
    set().error = error;
    segment().error = error;
    EXPECT_EQ(set_decision(), denied("-", error)) << error;
    EXPECT_EQ(segment_decision(), denied("-", error)) << error;
  }
}

TEST_F(AuthorizeIpc, refuses_a_segments_id_as_a_semaphore_sets_and_the_reverse) {
  machine.semaphore_sets.clear();
  EXPECT_EQ(set_decision(), denied("-", EINVAL));
  EXPECT_EQ(segment_decision(), permitted);
  put(theirs);
  machine.segments.clear();
  EXPECT_EQ(set_decision(), permitted);
  EXPECT_EQ(segment_decision(), denied("-", EINVAL));
}

// The order of the rules: whoever may not touch an object is told nothing about who uses it.

TEST_F(AuthorizeIpc, asks_about_root_then_permission_then_use) {
  put({.uid = 0, .cuid = 0, .mode = 0600});
  set().last_operation = other_pid;
  attach(other_pid, id);
  EXPECT_EQ(set_decision(), ipc_root);
  EXPECT_EQ(segment_decision(), ipc_root);
  put_mode(0600);
  set().last_operation = other_pid;
  EXPECT_EQ(set_decision(), sem_alter);
  EXPECT_EQ(segment_decision(), shm_rw);
  put_mode(0666);
  set().last_operation = other_pid;
  EXPECT_EQ(set_decision(), sem_lastop);
  EXPECT_EQ(segment_decision(), shm_attached);
}

TEST_F(AuthorizeIpc, tells_the_record_whose_object_it_refused) {
  const auto object_of = [&](const protocol::Request& request) {
    const Seen seen = seen_client();
    const auto permit = authorize(request, &seen);
    EXPECT_FALSE(permit);
    return permit ? std::nullopt : permit.error().object;
  };
  const auto expect_theirs = [&](const protocol::Request& request, uid_t owner, unsigned mode) {
    const auto object = object_of(request);
    ASSERT_TRUE(object);
    EXPECT_EQ(object->owner, owner);
    EXPECT_EQ(object->mode, mode);
  };
  put_mode(0640);
  expect_theirs(protocol::RemoveSemaphoreSet{id}, other_uid, 0640);
  expect_theirs(protocol::RemoveSegment{id}, other_uid, 0640);
  put_mode(0666);
  set().last_operation = other_pid;
  attach(other_pid, id);
  expect_theirs(protocol::RemoveSemaphoreSet{id}, other_uid, 0666);
  expect_theirs(protocol::RemoveSegment{id}, other_uid, 0666);
  put({.uid = 0, .cuid = 0, .mode = 0666});
  expect_theirs(protocol::RemoveSemaphoreSet{id}, 0, 0666);
  expect_theirs(protocol::RemoveSegment{id}, 0, 0666);
  machine.semaphore_sets.clear();
  EXPECT_FALSE(object_of(protocol::RemoveSemaphoreSet{id}));
}

}  // namespace
}  // namespace secshr
