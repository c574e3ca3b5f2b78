// Removals through the whole broker: what was permitted is what is removed, as its owner, and put on record.
#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

constexpr std::int32_t id = 5;
constexpr const char* mutex_name = "gtm_mutex00001A2F";
constexpr const char* mutex_path = "/served/gtm_mutex00001A2F";

class BrokerRemoval : public BrokerTest {
 protected:
  BrokerRemoval() {
    machine.semaphore_sets[id] = {alices, bob_pid};
    machine.segments[id] = {alices};
    machine.names[mutex_name] = {.owner = alice, .mode = S_IFSOCK | 0755};
  }

  std::string ask(const protocol::Request& request) {
    serve(bob_pid, request);
    machine.settle(broker);
    return outcome();
  }

  static constexpr IpcObject alices{.uid = alice, .cuid = alice, .ctime = 70, .gid = 9, .cgid = 9, .mode = 01666};
  const protocol::Request remove_set = protocol::RemoveSemaphoreSet{id};
  const protocol::Request remove_segment = protocol::RemoveSegment{id};
  const protocol::Request remove_file = protocol::RemoveFile{mutex_path};
  const protocol::Request all[3] = {remove_set, remove_segment, remove_file};
};

TEST_F(BrokerRemoval, removes_a_set_and_a_segment_as_their_owner_and_a_socket_as_the_client) {
  EXPECT_EQ(ask(remove_set), done);
  EXPECT_EQ(ask(remove_segment), done);
  EXPECT_EQ(ask(remove_file), done);
  const auto removals = machine.removals();
  ASSERT_EQ(removals.size(), 3U);
  EXPECT_EQ(removals[0].object, "semaphore set 5");
  EXPECT_EQ(removals[0].as, alice);
  EXPECT_EQ(removals[1].object, "segment 5");
  EXPECT_EQ(removals[1].as, alice);
  EXPECT_EQ(removals[2].object, mutex_name);
  EXPECT_EQ(removals[2].as, bob);
  EXPECT_TRUE(machine.semaphore_sets.empty());
  EXPECT_TRUE(machine.segments.empty());
  EXPECT_TRUE(machine.names.empty());
  EXPECT_EQ(broker.parked(), 0U);
  // As stock servers say of what is gone already; a file is told apart.
  EXPECT_EQ(ask(remove_set), refused_with("-", EINVAL));
  EXPECT_EQ(ask(remove_segment), refused_with("-", EINVAL));
  EXPECT_EQ(ask(remove_file), refused_with("-", ENOENT));
}

TEST_F(BrokerRemoval, acts_as_whichever_of_owner_and_creator_is_not_root) {
  machine.semaphore_sets.at(id).object = {.uid = alice, .cuid = 0, .mode = 0666};
  machine.segments.at(id).object = {.uid = 0, .cuid = alice, .mode = 0666};
  EXPECT_EQ(ask(remove_set), done);
  EXPECT_EQ(ask(remove_segment), done);
  for (const auto& removal : machine.removals()) EXPECT_EQ(removal.as, alice) << removal.object;
}

TEST_F(BrokerRemoval, acts_as_root_only_where_it_is_told_that_it_may) {
  machine.may_act_as_root = true;
  machine.semaphore_sets.at(id).object = {.uid = 0, .cuid = 0, .mode = 0666};
  machine.segments.at(id).object = {.uid = 0, .cuid = 0, .mode = 0666};
  EXPECT_EQ(ask(remove_set), refused_with("ipc.root", EPERM));
  EXPECT_EQ(ask(remove_segment), refused_with("ipc.root", EPERM));
  EXPECT_TRUE(machine.removals().empty());
  Service allowing = service;
  allowing.allow_root_objects = true;
  Broker other(allowing, machine.kernel(), machine.looker(), machine.writer(), machine.audit());
  for (const auto& request : {remove_set, remove_segment}) {
    machine.send(bob_pid, encoded(header_of(bob_pid), request));
    other.handle_request(served);
    machine.settle(other);
    EXPECT_EQ(outcome(), done);
  }
  ASSERT_EQ(machine.removals().size(), 2U);
  for (const auto& removal : machine.removals()) EXPECT_EQ(removal.as, 0U);
}

TEST_F(BrokerRemoval, says_who_asked_and_whose_object_it_was_whether_removed_or_refused) {
  const std::string objects[] = {"5", "5", mutex_path};
  const std::string names[] = {"remove-semaphore-set", "remove-segment", "remove-file"};
  const auto check = [&](const std::string& expected, std::size_t each) {
    ASSERT_EQ(ask(all[each]), expected);
    const auto record = machine.records().back();
    EXPECT_EQ(record.pid, bob_pid);
    EXPECT_EQ(record.uid, bob);
    EXPECT_EQ(record.comm, "dse");
    EXPECT_EQ(record.request, names[each]);
    EXPECT_EQ(record.object, objects[each]);
    EXPECT_EQ(record.owner, alice);
    EXPECT_EQ(record.mode, each == 2 ? 0755U : 01666U);
  };
  machine.semaphore_sets.at(id).last_operation = alice_pid;
  machine.processes.at(alice_pid).attached.insert(id);
  machine.names.at(mutex_name).bound = true;
  check(refused_with("sem.lastop", EBUSY), 0);
  check(refused_with("shm.attached", EBUSY), 1);
  check(refused_with("sock.live", EBUSY), 2);
  EXPECT_TRUE(machine.removals().empty());
  machine.processes.at(alice_pid).alive = false;
  machine.names.at(mutex_name).bound = false;
  for (std::size_t each = 0; each < 3; ++each) check(done, each);
  EXPECT_EQ(machine.removals().size(), 3U);
}

TEST_F(BrokerRemoval, records_nothing_of_an_object_that_is_not_there) {
  machine.semaphore_sets.clear();
  machine.segments.clear();
  machine.names.clear();
  for (const auto& request : all) {
    ask(request);
    EXPECT_EQ(machine.records().back().owner, std::nullopt);
    EXPECT_EQ(machine.records().back().mode, std::nullopt);
  }
}

TEST_F(BrokerRemoval, removes_nothing_for_a_client_in_another_ipc_namespace) {
  machine.processes.at(bob_pid).other_ipc_namespace = true;
  for (const auto& request : all) EXPECT_EQ(ask(request), refused_with("peer.namespace", EPERM));
  EXPECT_TRUE(machine.removals().empty());
  machine.processes.at(bob_pid).other_ipc_namespace = false;
  for (const auto& request : all) EXPECT_EQ(ask(request), done);
}

TEST_F(BrokerRemoval, removes_nothing_for_a_client_whose_ids_differ_or_that_became_somebody_else) {
  machine.processes.at(bob_pid).mixed_ids = true;
  for (const auto& request : all) EXPECT_EQ(ask(request), refused_with("peer.mixed", EPERM));
  machine.processes.at(bob_pid).mixed_ids = false;
  for (const auto& request : all) {
    serve(bob_pid, request);
    machine.processes.at(bob_pid).uid = alice;
    machine.settle(broker);
    EXPECT_EQ(outcome(), refused_with("peer.mixed", EPERM));
    machine.processes.at(bob_pid).uid = bob;
  }
  EXPECT_TRUE(machine.removals().empty());
}

TEST_F(BrokerRemoval, removes_nothing_for_a_client_that_ended_before_the_look_though_its_pid_lives_on) {
  for (const auto& request : all) {
    serve(bob_pid, request);
    machine.start(bob_pid, {.uid = bob, .gid = 3002});
    machine.settle(broker);
    EXPECT_EQ(outcome(), refused_with("-", ESRCH));
  }
  EXPECT_TRUE(machine.removals().empty());
}

// The answer is on its way, and the pid is another's by the time it comes: that one uses the set, or is binding the
// name.
TEST_F(BrokerRemoval, takes_nobody_for_the_client_that_has_got_its_pid_since_it_was_looked_at) {
  const std::string own(protocol::client_socket_name(*service.profile, bob_pid, 'a').view());
  const std::string own_path = "/served/" + own;
  machine.names[own] = {.owner = alice, .mode = S_IFSOCK | 0755};
  const protocol::Request remove_own = protocol::RemoveFile{own_path};
  const auto ask_while = [&](const protocol::Request& request, auto meanwhile) {
    serve(bob_pid, request);
    Seen seen = machine.look();
    meanwhile();
    broker.on_seen(std::move(seen));
    return outcome();
  };
  const auto starts_another = [&] { machine.start(bob_pid, {.uid = alice, .gid = 1}); };
  EXPECT_EQ(ask_while(remove_set, starts_another), refused_with("sem.lastop", EBUSY));
  EXPECT_EQ(ask_while(remove_own, starts_another), refused_with("sock.live", EBUSY));
  EXPECT_TRUE(machine.removals().empty());
  // While it lives, and where it has just ended, it is as ever.
  machine.start(bob_pid, {.uid = bob, .gid = 3002});
  EXPECT_EQ(ask_while(remove_set, [] {}), done);
  EXPECT_EQ(ask_while(remove_own, [&] { machine.processes.at(bob_pid).alive = false; }), done);
}

TEST_F(BrokerRemoval, takes_as_many_groups_as_a_report_can_hold_and_refuses_one_more) {
  for (auto* object : {&machine.semaphore_sets.at(id).object, &machine.segments.at(id).object}) {
    object->mode = 0660;
    object->gid = 77;
  }
  auto& groups = machine.processes.at(bob_pid).groups;
  groups.assign(reported_groups, 76);
  groups.push_back(77);
  EXPECT_EQ(ask(remove_set), refused_with("peer.mixed", EPERM));
  EXPECT_EQ(ask(remove_segment), refused_with("peer.mixed", EPERM));
  groups.erase(groups.begin());
  EXPECT_EQ(ask(remove_set), done);
  EXPECT_EQ(ask(remove_segment), done);
}

// Between the decision and the removal the machine goes on; there is no such moment in here, but what the kernel then
// says is told and recorded as a failure.
TEST_F(BrokerRemoval, says_that_the_removal_failed) {
  for (const int error : {EPERM, EINVAL, EBUSY, EROFS, EACCES}) {
    machine.removal_error = error;
    for (const auto& request : all) EXPECT_EQ(ask(request), failed_with(error));
  }
  machine.removal_error.reset();
  for (const auto& request : all) EXPECT_EQ(ask(request), done);
}

// The decision is taken on what is there when the look has come back, and not when the request came.
TEST_F(BrokerRemoval, judges_the_objects_as_they_are_after_the_look) {
  for (const auto& request : all) serve(bob_pid, request);
  machine.semaphore_sets.at(id).last_operation = alice_pid;
  machine.processes.at(alice_pid).attached.insert(id);
  machine.names.at(mutex_name).bound = true;
  machine.settle(broker);
  EXPECT_EQ(machine.records().size(), 3U);
  for (const auto& record : machine.records()) EXPECT_EQ(record.outcome.code, EBUSY);
  EXPECT_TRUE(machine.removals().empty());
}

TEST_F(BrokerRemoval, removes_nothing_after_the_deadline) {
  serve(bob_pid, remove_set);
  pass(limits::request_deadline);
  EXPECT_EQ(outcome(), failed_with(ETIMEDOUT));
  machine.settle(broker);
  EXPECT_TRUE(machine.removals().empty());
  EXPECT_EQ(machine.records().size(), 1U);
}

TEST_F(BrokerRemoval, does_not_remove_its_own_server_socket) {
  machine.names["gtm_secshr2E9E59CB"] = {.owner = 0};
  EXPECT_EQ(ask(protocol::RemoveFile{"/served/gtm_secshr2E9E59CB"}), refused_with("sock.name", EPERM));
  EXPECT_TRUE(machine.removals().empty());
}

TEST_F(BrokerRemoval, compares_the_path_with_the_clients_own_words_for_its_directory) {
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), remove_file));
  datagram.sender = "/other/gtm_secshr000003EA";
  serve(datagram);
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("sock.name", EPERM));
  EXPECT_EQ(machine.records().back().object, mutex_path);
  datagram.bytes = encoded(header_of(bob_pid), protocol::RemoveFile{"/other/gtm_mutex00001A2F"});
  serve(datagram);
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
}

// A shorter address than the one before it in the same place.
TEST_F(BrokerRemoval, remembers_nothing_of_an_earlier_senders_address) {
  auto datagram = machine.datagram_of(alice_pid, encoded(header_of(alice_pid), protocol::Ping{}));
  datagram.sender = "/served/" + std::string(70, 'x') + "/gtm_secshr000003E9";
  serve(std::move(datagram));
  EXPECT_EQ(ask(remove_file), done);
}

}  // namespace
}  // namespace secshr
