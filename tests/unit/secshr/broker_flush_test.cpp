// Flushes of one file: one after the other, each on what the header holds by then.
#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

class BrokerFlush : public BrokerTest {
 protected:
  BrokerFlush() {
    machine.start(carol_pid, {.uid = carol, .gid = 1});
    machine.files[other_inode] = {.owner = alice, .mode = S_IFREG | 0444};
    machine.paths["/data/other.dat"] = other_inode;
  }
  void look_once() { broker.on_seen(machine.look()); }
  void write_once() { broker.on_written(machine.write()); }

  static constexpr uid_t carol = 2003;
  static constexpr pid_t carol_pid = 1003;
  static constexpr std::uint64_t other_inode = 43;
};

TEST_F(BrokerFlush, serves_two_of_one_file_one_after_the_other) {
  const auto ids = make_objects(alice);
  serve(alice_pid, protocol::FlushHeader{ids, database});
  serve(bob_pid, close_of());
  look_once();
  look_once();
  EXPECT_EQ(machine.writes_waiting(), 1U);
  EXPECT_EQ(broker.parked(), 2U);
  write_once();
  EXPECT_EQ(header(), ids);
  EXPECT_EQ(outcome(), done);
  // The second is judged on what the first has written.
  machine.processes.at(alice_pid).attached.insert(ids.shmid);
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("hdr.live", EBUSY));
  EXPECT_EQ(header(), ids);
  EXPECT_FALSE(machine.writes_overlapped());
}

TEST_F(BrokerFlush, serves_two_names_of_one_file_one_after_the_other) {
  machine.paths["/data/link.dat"] = database_inode;
  serve(alice_pid, close_of());
  serve(bob_pid, close_of("/data/link.dat"));
  look_once();
  look_once();
  EXPECT_EQ(machine.writes_waiting(), 1U);
  machine.settle(broker);
  EXPECT_EQ(machine.header_writes().size(), 2U);
  EXPECT_FALSE(machine.writes_overlapped());
}

TEST_F(BrokerFlush, serves_different_files_side_by_side) {
  serve(alice_pid, close_of());
  serve(bob_pid, close_of("/data/other.dat"));
  look_once();
  look_once();
  EXPECT_EQ(machine.writes_waiting(), 2U);
  machine.settle(broker);
  EXPECT_EQ(machine.header_writes().size(), 2U);
}

TEST_F(BrokerFlush, looks_again_when_the_header_changed_in_between) {
  const auto ids = make_objects(bob);
  serve(bob_pid, protocol::FlushHeader{ids, database});
  look_once();
  header() = {900, 901, 1, 2};  // somebody else, by its own right; nothing there lives
  write_once();
  EXPECT_TRUE(machine.journal.empty());
  EXPECT_EQ(machine.looks_waiting(), 1U);
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(header(), ids);
}

TEST_F(BrokerFlush, judges_again_what_the_header_holds_by_then) {
  const auto theirs = make_objects(alice);
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  look_once();
  header() = theirs;
  write_once();
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("hdr.live", EBUSY));
  EXPECT_EQ(header(), theirs);
}

TEST_F(BrokerFlush, tries_as_often_as_the_limit_says_and_no_more) {
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  for (unsigned attempt = 1; attempt <= limits::flush_attempts; ++attempt) {
    ASSERT_TRUE(machine.journal.empty()) << attempt;
    look_once();
    ASSERT_EQ(machine.writes_waiting(), 1U) << attempt;
    header().sem_ctime = static_cast<std::int64_t>(attempt);
    write_once();
  }
  EXPECT_EQ(outcome(), failed_with(EBUSY));
  EXPECT_EQ(machine.looks_waiting(), 0U);
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_TRUE(machine.header_writes().empty());
}

TEST_F(BrokerFlush, succeeds_at_the_last_attempt) {
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  for (unsigned attempt = 1; attempt < limits::flush_attempts; ++attempt) {
    look_once();
    header().sem_ctime = static_cast<std::int64_t>(attempt);
    write_once();
  }
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
}

TEST_F(BrokerFlush, starts_counting_anew_with_each_request) {
  for (int round = 0; round < 3; ++round) {
    serve(bob_pid, close_of());
    look_once();
    header().sem_ctime = round + 1;
    write_once();
    machine.settle(broker);
    EXPECT_EQ(outcome(), done) << round;
  }
}

TEST_F(BrokerFlush, keeps_its_deadline_through_every_turn) {
  serve(bob_pid, close_of());
  const auto deadline = machine.clock + limits::request_deadline;
  pass(std::chrono::milliseconds(100));
  look_once();
  header().sem_ctime = 5;
  write_once();
  pass(std::chrono::milliseconds(100));
  EXPECT_EQ(broker.next_deadline(), deadline);
  look_once();
  EXPECT_EQ(machine.next_write().deadline, deadline);
}

TEST_F(BrokerFlush, writes_nothing_after_the_deadline) {
  const auto ids = make_objects(bob);
  serve(bob_pid, protocol::FlushHeader{ids, database});
  look_once();
  machine.clock += limits::request_deadline;
  write_once();
  EXPECT_EQ(outcome(), failed_with(ETIMEDOUT));
  EXPECT_EQ(header(), protocol::closed_ids);
}

TEST_F(BrokerFlush, writes_to_the_file_that_was_looked_at_whatever_becomes_of_its_name) {
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  look_once();
  machine.paths[database] = other_inode;
  write_once();
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(machine.header_writes().at(0).inode, database_inode);
}

TEST_F(BrokerFlush, refuses_a_sender_that_became_somebody_else_before_the_look) {
  serve(bob_pid, close_of());
  machine.processes.at(bob_pid).mixed_ids = true;
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("peer.mixed", EPERM));
  machine.start(bob_pid, {.uid = bob, .gid = 3002, .other_ipc_namespace = true});
  serve(bob_pid, close_of());
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("peer.namespace", EPERM));
  EXPECT_TRUE(machine.header_writes().empty());
}

TEST_F(BrokerFlush, refuses_a_sender_that_ended_before_the_look_though_its_pid_lives_on) {
  serve(bob_pid, close_of());
  machine.start(bob_pid, {.uid = bob, .gid = 3002});
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("-", ESRCH));
  EXPECT_TRUE(machine.header_writes().empty());
}

TEST_F(BrokerFlush, takes_nobody_for_the_holder_that_has_got_its_pid_since_it_was_looked_at) {
  header() = make_objects(alice);
  SimulatedSemaphoreSet& set = machine.semaphore_sets.at(header().semid);
  set.object.mode = 0666;
  set.last_operation = bob_pid;
  for (const bool is_another : {true, false}) {
    serve(bob_pid, close_of());
    Seen seen = machine.look();
    if (is_another) machine.start(bob_pid, {.uid = bob, .gid = 3002});
    broker.on_seen(std::move(seen));
    machine.settle(broker);
    EXPECT_EQ(outcome(), is_another ? refused_with("hdr.live", EBUSY) : done);
  }
}

// A request that waits behind another goes on when that one's turn is over, however it ended.

TEST_F(BrokerFlush, lets_the_next_go_on_when_the_first_failed) {
  for (const auto verdict : {WriteVerdict::refused, WriteVerdict::too_late, WriteVerdict::failed}) {
    serve(alice_pid, close_of());
    serve(bob_pid, close_of());
    look_once();
    look_once();
    WriteReport report = machine.write();
    report.verdict = verdict;
    broker.on_written(report);
    machine.settle(broker);
    EXPECT_EQ(outcome(), done);
    EXPECT_EQ(broker.parked(), 0U);
  }
}

TEST_F(BrokerFlush, lets_the_next_go_on_when_the_first_cannot_look_again) {
  serve(alice_pid, close_of());
  serve(bob_pid, close_of());
  look_once();
  look_once();
  header().sem_ctime = 5;
  machine.looker_error = EAGAIN;  // just while the first wants to look again
  write_once();
  machine.looker_error.reset();
  // Bob either got his turn or was told so; he does not sit out the deadline behind nobody.
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerFlush, lets_the_next_go_on_when_the_first_looks_again_and_finds_another_file) {
  serve(alice_pid, close_of());
  serve(bob_pid, close_of());
  look_once();
  look_once();
  header().sem_ctime = 5;
  machine.paths[database] = other_inode;
  write_once();
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_EQ(machine.records().size(), 2U);
}

TEST_F(BrokerFlush, lets_the_next_go_on_when_the_first_looks_again_and_finds_nothing) {
  serve(alice_pid, close_of());
  serve(bob_pid, close_of());
  look_once();
  look_once();
  header().sem_ctime = 5;
  machine.paths.erase(database);
  write_once();
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_EQ(machine.records().size(), 2U);
}

TEST_F(BrokerFlush, lets_the_next_go_on_when_the_first_expires_while_it_looks_again) {
  serve(alice_pid, close_of());
  pass(std::chrono::milliseconds(1000));
  serve(bob_pid, close_of());
  look_once();
  look_once();
  header().sem_ctime = 5;
  write_once();
  // The looker does not answer alice, and her time is over first.
  pass(limits::request_deadline - std::chrono::milliseconds(1000));
  ASSERT_EQ(machine.records().size(), 1U);
  EXPECT_EQ(machine.records()[0].uid, alice);
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_EQ(outcome(), done);
}

// A writer that hangs in the write itself may still write: until it is known not to, nobody else writes that file.
TEST_F(BrokerFlush, keeps_others_off_a_file_whose_writer_is_stuck) {
  serve(alice_pid, close_of());
  look_once();
  pass(limits::request_deadline + limits::writer_grace);
  ASSERT_EQ(outcome(), failed_with(ETIMEDOUT));
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  look_once();
  EXPECT_EQ(machine.writes_waiting(), 1U);
  EXPECT_FALSE(machine.writes_overlapped());
}

// Whoever waits longest goes first: a user who asks for a file again and again does not keep another from it.
TEST_F(BrokerFlush, serves_who_waits_for_a_file_before_those_who_came_later) {
  serve(alice_pid, close_of());
  look_once();
  pass(std::chrono::milliseconds(1));
  serve(bob_pid, close_of());
  look_once();
  ASSERT_EQ(broker.parked(), 2U);  // alice's is being written, bob's waits
  const auto bob_is_served = [&] {
    const auto records = machine.records();
    return std::ranges::any_of(records, [](const SimulatedRecord& record) { return record.uid == bob; });
  };
  // Alice always has the next one on its way when her last is written.
  for (int round = 0; round < 20 && !bob_is_served(); ++round) {
    pass(std::chrono::milliseconds(1));
    serve(alice_pid, close_of());
    write_once();
    while (machine.looks_waiting() > 0) look_once();
  }
  EXPECT_TRUE(bob_is_served());
}

// Whoever waited for a file may by then have a path that leads into a file system that hangs: that is no reason for
// others to wait.
TEST_F(BrokerFlush, does_not_keep_others_from_a_file_for_one_that_waited_and_whose_look_hangs) {
  const auto ids = make_objects(carol);
  serve(alice_pid, close_of());
  look_once();
  pass(std::chrono::milliseconds(1));
  serve(bob_pid, close_of());
  look_once();  // waits for the file
  pass(std::chrono::milliseconds(1));
  write_once();
  const std::size_t hanging = machine.looks_waiting();  // bob's second look, where he needs one
  serve(carol_pid, protocol::FlushHeader{ids, database});
  while (machine.writes_waiting() > 0 || machine.looks_waiting() > hanging) {
    if (machine.writes_waiting() > 0) write_once();
    if (machine.looks_waiting() > hanging) broker.on_seen(machine.look(hanging));
  }
  EXPECT_EQ(header(), ids);
}

// Bob's looks hang, and he has one more that only waited for the file: that he cannot look again is his alone to wait
// for.
TEST_F(BrokerFlush, does_not_make_others_wait_for_a_uid_that_has_used_its_share) {
  const auto ask = [&](pid_t pid, uid_t uid, const char* path) {
    machine.start(pid, {.uid = uid, .gid = 1});
    serve(pid, close_of(path));
    pass(std::chrono::milliseconds(1));
  };
  ask(7001, alice, database);
  look_once();  // being written
  ask(7002, bob, database);
  look_once();  // waits for the file
  ask(7003, carol, database);
  look_once();  // so does carol
  for (std::size_t count = 0; count < limits::looks_per_uid; ++count) {
    ask(7010 + static_cast<pid_t>(count), bob, "/data/other.dat");
  }
  ASSERT_EQ(machine.looks_waiting(), limits::looks_per_uid);
  // Everybody's turn comes but that of the looks that hang, which are the first ones.
  while (machine.writes_waiting() > 0 || machine.looks_waiting() > limits::looks_per_uid) {
    if (machine.writes_waiting() > 0) write_once();
    if (machine.looks_waiting() > limits::looks_per_uid) broker.on_seen(machine.look(limits::looks_per_uid));
  }
  const auto records = machine.records();
  EXPECT_TRUE(std::ranges::any_of(records, [](const SimulatedRecord& record) { return record.uid == carol; }));
}

TEST_F(BrokerFlush, lets_others_at_the_file_when_the_stuck_writer_answers_after_all) {
  const auto ids = make_objects(bob);
  serve(alice_pid, close_of());
  look_once();
  pass(limits::request_deadline + limits::writer_grace);
  serve(bob_pid, protocol::FlushHeader{ids, database});
  look_once();
  ASSERT_EQ(header(), protocol::closed_ids);
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(header(), ids);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerFlush, lets_others_at_the_file_when_the_stuck_writer_must_be_dead_and_not_before) {
  serve(alice_pid, close_of());
  look_once();
  pass(limits::worker_dead_after + limits::request_deadline - std::chrono::milliseconds(1));
  serve(bob_pid, close_of());
  look_once();
  EXPECT_EQ(machine.looks_waiting(), 0U);
  EXPECT_EQ(machine.writes_waiting(), 1U);
  pass(std::chrono::milliseconds(1));
  EXPECT_EQ(machine.records().size(), 1U);  // nothing more of the first
  while (machine.looks_waiting() > 0) look_once();
  EXPECT_EQ(machine.writes_waiting(), 2U);
}

TEST_F(BrokerFlush, does_not_look_again_for_those_who_wait_when_the_writer_is_still_busy) {
  serve(alice_pid, close_of());
  serve(bob_pid, close_of());
  look_once();
  look_once();
  ASSERT_EQ(machine.writes_waiting(), 1U);
  // Carol's refusal ends nobody's turn with the writer.
  machine.processes.at(carol_pid).mixed_ids = true;
  serve(carol_pid, close_of());
  look_once();
  machine.semaphore_sets[7] = {{alice, alice, 70}, 0};
  machine.processes.at(carol_pid).mixed_ids = false;
  serve(carol_pid, protocol::FlushHeader{{7, -1, 70, 0}, database});
  look_once();
  ASSERT_EQ(outcome(), refused_with("hdr.ids", EPERM));
  EXPECT_EQ(machine.looks_waiting(), 0U);
}

}  // namespace
}  // namespace secshr
