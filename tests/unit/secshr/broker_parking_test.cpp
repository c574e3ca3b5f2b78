// Requests that wait: how many, how long, and what becomes of answers that come too late.
#include <tuple>

#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

class BrokerParking : public BrokerTest {
 protected:
  // Parks one request of a new process of `uid`, or has it refused.
  void ask(uid_t uid) {
    const pid_t pid = ++last_pid;
    machine.start(pid, {.uid = uid, .gid = 1});
    serve(pid, close_of());
  }
  const std::string too_many = refused_with("rate.uid", EBUSY);
  pid_t last_pid = 5000;
};

TEST_F(BrokerParking, keeps_to_the_limit_of_a_uids_files) {
  for (std::size_t count = 1; count <= limits::parked_files_per_uid; ++count) {
    ask(bob);
    EXPECT_EQ(broker.parked(), count);
  }
  EXPECT_TRUE(machine.journal.empty());
  ask(bob);
  EXPECT_EQ(outcome(), too_many);
  EXPECT_EQ(broker.parked(), limits::parked_files_per_uid);
  // Neither others nor what needs no waiting are in the way of that.
  ask(alice);
  EXPECT_EQ(broker.parked(), limits::parked_files_per_uid + 1);
  serve(bob_pid, protocol::Ping{});
  EXPECT_EQ(outcome(), done);

  broker.on_seen(machine.look());
  broker.on_written(machine.write());
  ask(bob);
  EXPECT_EQ(broker.parked(), limits::parked_files_per_uid + 1);
}

TEST_F(BrokerParking, counts_a_uids_requests_in_every_stage) {
  for (std::size_t count = 0; count < limits::parked_files_per_uid; ++count) ask(bob);
  broker.on_seen(machine.look());  // with the writer
  broker.on_seen(machine.look());  // queued behind it
  ASSERT_EQ(machine.writes_waiting(), 1U);
  ask(bob);
  EXPECT_EQ(outcome(), too_many);
}

TEST_F(BrokerParking, keeps_to_the_limit_of_what_can_hang_in_all) {
  uid_t uid = 3000;
  for (std::size_t count = 1; count <= limits::parked_slow; ++count) {
    ask(uid + static_cast<uid_t>(count / limits::parked_files_per_uid));
    ASSERT_EQ(broker.parked(), count);
  }
  uid = 9999;
  ask(uid);
  EXPECT_EQ(outcome(), too_many);
  EXPECT_EQ(broker.parked(), limits::parked_slow);
  serve(bob_pid, protocol::Ping{});
  EXPECT_EQ(outcome(), done);

  broker.on_seen(machine.look());
  broker.on_written(machine.write());
  ask(uid);
  EXPECT_EQ(broker.parked(), limits::parked_slow);

  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_FALSE(machine.writes_overlapped());
}

// What waits for a look at its client is never refused: whoever comes when all places are taken stays in the socket.
TEST_F(BrokerParking, takes_no_datagram_without_room_and_refuses_none_that_waits_for_its_client) {
  const auto remove = [&] {
    const pid_t pid = ++last_pid;
    machine.start(pid, {.uid = bob, .gid = 1});
    machine.segments[pid] = {{.uid = alice, .cuid = alice, .mode = 0666}};
    machine.send(pid, encoded(header_of(pid), protocol::RemoveSegment{pid}));
  };
  for (std::size_t count = 0; count < limits::parked_slow; ++count) ask(3000 + static_cast<uid_t>(count));
  for (std::size_t count = limits::parked_slow; count < limits::parked_exchanges; ++count) {
    EXPECT_TRUE(broker.has_room());
    remove();
    ASSERT_TRUE(broker.handle_request(served));
  }
  EXPECT_FALSE(broker.has_room());
  for (int count = 0; count < 3; ++count) remove();
  EXPECT_FALSE(broker.handle_request(served));
  EXPECT_EQ(machine.socket.size(), 3U);
  EXPECT_EQ(broker.parked(), limits::parked_exchanges);
  EXPECT_TRUE(machine.journal.empty());

  // A place for each that is answered.
  while (machine.records().empty()) broker.on_seen(machine.look(machine.looks_waiting() - 1));
  EXPECT_EQ(outcome(), done);
  EXPECT_TRUE(broker.has_room());
  EXPECT_TRUE(broker.handle_request(served));
  machine.settle(broker);
  while (broker.handle_request(served)) machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
  for (const auto& record : machine.records()) EXPECT_NE(record.outcome.code, EBUSY);
}

TEST_F(BrokerParking, lets_looks_at_clients_pass_by_those_that_hang) {
  for (uid_t uid = 3000; uid < 3000 + limits::looker_workers; ++uid) ask(uid);
  ASSERT_EQ(machine.looks_waiting(), limits::slow_looks);
  for (int round = 0; round < 3; ++round) {
    machine.segments[7] = {{.uid = alice, .cuid = alice, .mode = 0666}};
    serve(bob_pid, protocol::RemoveSegment{7});
    ASSERT_EQ(machine.looks_waiting(), limits::slow_looks + 1);
    broker.on_seen(machine.look(limits::slow_looks));
    EXPECT_EQ(outcome(), done);
  }
}

TEST_F(BrokerParking, answers_at_the_deadline_and_not_before) {
  EXPECT_EQ(broker.next_deadline(), std::nullopt);
  ask(bob);
  const auto deadline = machine.clock + limits::request_deadline;
  EXPECT_EQ(broker.next_deadline(), deadline);
  pass(limits::request_deadline - std::chrono::milliseconds(1));
  EXPECT_TRUE(machine.journal.empty());
  pass(std::chrono::milliseconds(1));
  EXPECT_EQ(outcome(), failed_with(ETIMEDOUT));
  // The looker is stuck with it: its place stays taken until that is over.
  EXPECT_EQ(broker.parked(), 1U);
  EXPECT_EQ(broker.next_deadline(), deadline + limits::worker_dead_after);
  pass(limits::worker_dead_after - std::chrono::milliseconds(1));
  EXPECT_EQ(broker.parked(), 1U);
  pass(std::chrono::milliseconds(1));
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_EQ(broker.next_deadline(), std::nullopt);
  EXPECT_EQ(machine.records().size(), 1U);
  EXPECT_EQ(machine.replies().size(), 1U);
}

TEST_F(BrokerParking, keeps_a_uids_looks_to_its_share) {
  for (std::size_t count = 1; count <= limits::looks_per_uid + 1; ++count) ask(bob);
  EXPECT_EQ(machine.looks_waiting(), limits::looks_per_uid);
  ask(alice);
  EXPECT_EQ(machine.looks_waiting(), limits::looks_per_uid + 1);
  broker.on_seen(machine.look());
  EXPECT_EQ(machine.looks_waiting(), limits::looks_per_uid + 1) << "the one that waited took the place";
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerParking, gives_the_looker_no_more_that_can_hang_than_its_share) {
  for (uid_t uid = 3000; uid < 3000 + limits::slow_looks + 1; ++uid) ask(uid);
  EXPECT_EQ(machine.looks_waiting(), limits::slow_looks);
  machine.settle(broker);
  EXPECT_EQ(machine.records().size(), limits::slow_looks + 1);
}

TEST_F(BrokerParking, gives_the_looker_no_more_than_it_has_workers) {
  for (uid_t uid = 3000; uid < 3000 + limits::looker_workers + 1; ++uid) {
    machine.start(++last_pid, {.uid = uid, .gid = 1});
    serve(last_pid, protocol::RemoveSegment{7});
  }
  EXPECT_EQ(machine.looks_waiting(), limits::looker_workers);
  machine.settle(broker);
  EXPECT_EQ(machine.records().size(), limits::looker_workers + 1);
}

TEST_F(BrokerParking, keeps_a_stuck_looks_place_from_its_uid_and_from_nobody_else) {
  for (std::size_t count = 0; count < limits::looks_per_uid; ++count) ask(bob);
  pass(limits::request_deadline);
  ASSERT_EQ(machine.records().size(), limits::looks_per_uid);
  ask(bob);
  ask(alice);
  EXPECT_EQ(machine.looks_waiting(), limits::looks_per_uid + 1) << "alice's and not bob's";
  broker.on_seen(machine.look());  // of the first, after all
  EXPECT_EQ(machine.looks_waiting(), limits::looks_per_uid + 1) << "bob's, now";
  EXPECT_EQ(machine.records().size(), limits::looks_per_uid);
}

TEST_F(BrokerParking, keeps_a_uids_writes_to_its_share_and_all_to_the_writers_workers) {
  const auto path_of = [](std::uint64_t inode) { return "/data/" + std::to_string(inode); };
  for (std::uint64_t inode = 50; inode < 60; ++inode) {
    machine.files[inode] = {.owner = alice, .mode = S_IFREG | 0444};
    machine.paths[path_of(inode)] = inode;
  }
  const auto ask_for = [&](uid_t uid, std::uint64_t inode) {
    const pid_t pid = ++last_pid;
    machine.start(pid, {.uid = uid, .gid = 1});
    serve(pid, close_of(path_of(inode).c_str()));
    broker.on_seen(machine.look());
  };
  for (std::uint64_t count = 0; count <= limits::writes_per_uid; ++count) ask_for(bob, 50 + count);
  EXPECT_EQ(machine.writes_waiting(), limits::writes_per_uid);
  for (unsigned count = 0; count < limits::writer_workers; ++count) ask_for(3000 + count, 53 + count);
  EXPECT_EQ(machine.writes_waiting(), limits::writer_workers);
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_EQ(machine.header_writes().size(), limits::writes_per_uid + 1 + limits::writer_workers);
}

TEST_F(BrokerParking, tells_the_earliest_deadline) {
  ask(bob);
  const auto first = machine.clock + limits::request_deadline;
  pass(std::chrono::milliseconds(10));
  ask(alice);
  EXPECT_EQ(broker.next_deadline(), first);
  broker.on_seen(machine.look());
  // Written now: bob's is due only when the writer is stuck.
  EXPECT_EQ(broker.next_deadline(), first + std::chrono::milliseconds(10));
}

TEST_F(BrokerParking, ignores_a_look_that_comes_after_the_deadline) {
  ask(bob);
  pass(limits::request_deadline);
  ASSERT_EQ(machine.records().size(), 1U);
  broker.on_seen(machine.look());
  EXPECT_EQ(machine.records().size(), 1U);
  EXPECT_EQ(machine.writes_waiting(), 0U);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerParking, gives_a_late_look_to_nobody_else) {
  ask(bob);
  pass(limits::request_deadline);
  Seen late = machine.look();
  ask(alice);  // in the same place
  broker.on_seen(std::move(late));
  EXPECT_EQ(machine.writes_waiting(), 0U);
  EXPECT_EQ(broker.parked(), 1U);
}

TEST_F(BrokerParking, ignores_answers_that_nobody_asked_for) {
  ask(bob);
  broker.on_seen(machine.look());
  ASSERT_EQ(machine.writes_waiting(), 1U);
  const std::uint64_t job = machine.next_write().job;
  for (const std::uint64_t other : {std::uint64_t{0}, job - 1, job + 1}) {
    Seen seen;
    seen.report.job = other;
    broker.on_seen(std::move(seen));
    broker.on_written({other, WriteVerdict::failed, EIO});
  }
  Seen seen;  // of the write's job
  seen.report.job = job;
  broker.on_seen(std::move(seen));
  EXPECT_TRUE(machine.journal.empty());
  broker.on_written(machine.write());
  EXPECT_EQ(outcome(), done);
}

TEST_F(BrokerParking, lets_the_writer_decide_by_the_deadline_unless_it_is_stuck) {
  ask(bob);
  broker.on_seen(machine.look());
  pass(limits::request_deadline + limits::writer_grace - std::chrono::milliseconds(1));
  EXPECT_TRUE(machine.journal.empty());
  broker.on_written(machine.write());
  EXPECT_EQ(outcome(), failed_with(ETIMEDOUT));
  EXPECT_TRUE(machine.header_writes().empty());

  ask(bob);
  broker.on_seen(machine.look());
  pass(limits::request_deadline + limits::writer_grace);
  EXPECT_EQ(outcome(), failed_with(ETIMEDOUT));
  EXPECT_EQ(machine.replies().size(), 2U);
}

// "Every success that changed something is logged", like any other.
TEST_F(BrokerParking, puts_a_late_write_on_record_with_all_of_it) {
  const protocol::IpcIds before{7, 8, 9, 10};
  header() = before;
  ask(bob);
  broker.on_seen(machine.look());
  const std::uint64_t job = machine.next_write().job;
  pass(limits::request_deadline + limits::writer_grace);
  ASSERT_EQ(machine.records().size(), 1U);
  const auto told = machine.records()[0];
  EXPECT_FALSE(told.late);
  machine.clock += std::chrono::milliseconds(5);
  broker.on_written({job, WriteVerdict::written, 0});
  ASSERT_EQ(machine.records().size(), 2U);
  const auto late = machine.records()[1];
  EXPECT_EQ(late.outcome.verdict, Verdict::done);
  EXPECT_EQ(late.outcome.code, 0);
  EXPECT_EQ(late.late, (HeaderChange{before, protocol::closed_ids}));
  EXPECT_EQ(std::tuple(late.pid, late.uid, late.gid, late.comm, late.request, late.object, late.owner, late.mode),
            std::tuple(told.pid, told.uid, told.gid, told.comm, told.request, told.object, told.owner, told.mode));
  EXPECT_EQ(late.uid, bob);
  EXPECT_EQ(late.object, database);
  EXPECT_EQ(late.owner, alice);
  EXPECT_EQ(late.microseconds, 4'505'000);
  EXPECT_TRUE(machine.events().empty());
  EXPECT_EQ(machine.replies().size(), 1U);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerParking, says_that_there_was_a_late_write_of_a_request_that_is_forgotten) {
  ask(bob);
  broker.on_seen(machine.look());
  const std::uint64_t job = machine.next_write().job;
  pass(limits::request_deadline + limits::writer_grace);
  pass(limits::worker_dead_after);
  ASSERT_EQ(broker.parked(), 0U);
  broker.on_written({job, WriteVerdict::written, 0});
  ASSERT_EQ(machine.events().size(), 1U);
  EXPECT_EQ(machine.events()[0].name, "late-write");
  EXPECT_EQ(machine.records().size(), 1U);
}

// Its client knows what it asked for, and the record has the keys that all have.
TEST_F(BrokerParking, a_header_that_was_written_in_time_has_a_record_like_any_other) {
  ask(bob);
  machine.settle(broker);
  ASSERT_EQ(machine.records().size(), 1U);
  EXPECT_EQ(outcome(), done);
  EXPECT_FALSE(machine.records()[0].late);
}

TEST_F(BrokerParking, makes_no_event_of_a_late_answer_that_changed_nothing) {
  ask(bob);
  broker.on_seen(machine.look());
  const std::uint64_t job = machine.next_write().job;
  pass(limits::request_deadline + limits::writer_grace);
  ASSERT_EQ(machine.records().size(), 1U);
  for (const auto verdict :
       {WriteVerdict::changed, WriteVerdict::refused, WriteVerdict::too_late, WriteVerdict::failed}) {
    broker.on_written({job, verdict, 0});
  }
  EXPECT_TRUE(machine.events().empty());
  EXPECT_EQ(machine.records().size(), 1U);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerParking, says_busy_when_the_looker_takes_nothing) {
  for (const int error : {EAGAIN, EPIPE}) {
    machine.looker_error = error;
    ask(bob);
    EXPECT_EQ(outcome(), failed_with(EBUSY));
    EXPECT_EQ(broker.parked(), 0U);
  }
}

TEST_F(BrokerParking, says_busy_when_the_writer_takes_nothing) {
  for (const int error : {EAGAIN, EPIPE}) {
    machine.writer_error = error;
    ask(bob);
    broker.on_seen(machine.look());
    EXPECT_EQ(outcome(), failed_with(EBUSY));
    EXPECT_EQ(broker.parked(), 0U);
  }
}

TEST_F(BrokerParking, expires_everything_that_waits_in_whatever_stage) {
  for (const uid_t uid : {bob, alice, uid_t{3003}}) ask(uid);
  broker.on_seen(machine.look());  // written
  broker.on_seen(machine.look());  // queued
  pass(limits::request_deadline + limits::writer_grace);
  EXPECT_EQ(machine.records().size(), 3U);
  EXPECT_EQ(machine.replies().size(), 3U);
  for (const auto& reply : machine.replies()) EXPECT_EQ(code(reply), ETIMEDOUT);
}

}  // namespace
}  // namespace secshr
