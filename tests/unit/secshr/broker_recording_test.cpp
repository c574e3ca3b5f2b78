// What was changed is in the log before anybody is told of it, and a log that hangs keeps nobody waiting for longer
// than a request may take.
#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

class BrokerRecording : public BrokerTest {
 protected:
  BrokerRecording() {
    machine.semaphore_sets[5] = {{.uid = bob, .cuid = bob, .ctime = 70, .mode = 0600}, bob_pid};
    machine.log_hangs = true;
  }
  void remove_set() {
    serve(bob_pid, protocol::RemoveSemaphoreSet{5});
    machine.settle(broker);
  }
  void log_goes_on() {
    machine.lines_written = 1;
    broker.on_recorded();
  }
};

TEST_F(BrokerRecording, a_change_is_told_when_its_line_is_written_and_not_before) {
  remove_set();
  ASSERT_EQ(machine.removals().size(), 1U);
  ASSERT_EQ(machine.records().size(), 1U);
  EXPECT_TRUE(machine.replies().empty());
  EXPECT_EQ(broker.parked(), 1U);
  broker.on_recorded();  // of other lines
  EXPECT_TRUE(machine.replies().empty());
  log_goes_on();
  EXPECT_EQ(machine.replies().size(), 1U);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(broker.parked(), 0U);
  // Once.
  broker.on_recorded();
  machine.clock += limits::request_deadline;
  broker.expire();
  EXPECT_EQ(machine.replies().size(), 1U);
}

TEST_F(BrokerRecording, where_the_log_hangs_it_is_told_at_the_deadline_as_what_it_is) {
  remove_set();
  ASSERT_TRUE(broker.next_deadline());
  EXPECT_EQ(*broker.next_deadline(), machine.clock + limits::request_deadline);
  machine.clock += limits::request_deadline - std::chrono::nanoseconds(1);
  broker.expire();
  EXPECT_TRUE(machine.replies().empty());
  machine.clock += std::chrono::nanoseconds(1);
  broker.expire();
  ASSERT_EQ(machine.replies().size(), 1U);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(broker.parked(), 0U);
  log_goes_on();
  EXPECT_EQ(machine.replies().size(), 1U);
}

TEST_F(BrokerRecording, what_changed_nothing_is_told_at_once) {
  serve(bob_pid, protocol::Ping{});
  serve(bob_pid, protocol::RemoveSemaphoreSet{6});
  serve(alice_pid, close_of());  // it is closed
  machine.settle(broker);
  EXPECT_EQ(machine.replies().size(), 3U);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerRecording, a_flush_waits_too_and_its_file_is_free_meanwhile) {
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  machine.settle(broker);
  serve(bob_pid, close_of(), 2);
  machine.settle(broker);
  EXPECT_EQ(machine.header_writes().size(), 2U);
  EXPECT_TRUE(machine.replies().empty());
  machine.lines_written = 2;
  broker.on_recorded();
  EXPECT_EQ(machine.replies().size(), 2U);
}

// --- A log that nobody writes any more ---

TEST_F(BrokerRecording, without_a_log_what_was_done_is_told_to_nobody_and_nothing_that_waits_is_done) {
  remove_set();
  ASSERT_EQ(machine.removals().size(), 1U);
  machine.semaphore_sets[6] = {{.uid = bob, .cuid = bob, .ctime = 70, .mode = 0600}, bob_pid};
  serve(bob_pid, protocol::RemoveSemaphoreSet{6});
  EXPECT_EQ(broker.parked(), 2U);  // the second for a look
  broker.abandon();
  EXPECT_EQ(broker.parked(), 0U);
  machine.settle(broker);
  log_goes_on();
  pass(limits::request_deadline);
  EXPECT_EQ(machine.removals().size(), 1U);
  EXPECT_EQ(machine.records().size(), 1U);
  EXPECT_TRUE(machine.replies().empty());
}

TEST_F(BrokerRecording, without_a_log_a_header_that_the_writer_has_is_written_and_told_to_nobody) {
  serve(bob_pid, close_of());
  serve(alice_pid, close_of());  // waits for the file
  broker.on_seen(machine.look());
  broker.on_seen(machine.look());
  broker.abandon();
  EXPECT_EQ(broker.parked(), 1U);
  broker.on_written(machine.write());
  EXPECT_EQ(machine.header_writes().size(), 1U);
  ASSERT_EQ(machine.records().size(), 1U);
  EXPECT_TRUE(machine.records()[0].late);
  EXPECT_EQ(machine.records()[0].uid, bob);
  EXPECT_TRUE(machine.replies().empty());
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerRecording, without_a_log_a_header_that_has_changed_is_not_looked_at_again) {
  serve(bob_pid, close_of());
  broker.on_seen(machine.look());
  const std::uint64_t job = machine.next_write().job;
  broker.abandon();
  broker.on_written({job, WriteVerdict::changed, 0});
  EXPECT_EQ(broker.parked(), 0U);
  EXPECT_EQ(machine.looks_waiting(), 0U);
  EXPECT_TRUE(machine.records().empty());
  EXPECT_TRUE(machine.replies().empty());
}

// --- Whom it could tell ---

TEST_F(BrokerRecording, does_nothing_for_a_sender_without_a_socket_of_its_own_to_answer_to) {
  machine.log_hangs = false;
  for (const int error : {EPERM, ENOENT, ECONNREFUSED, EACCES, EPROTOTYPE}) {
    machine.reach_error = error;
    serve(bob_pid, protocol::RemoveSemaphoreSet{5});
    EXPECT_EQ(machine.looks_waiting(), 0U);
    EXPECT_EQ(broker.parked(), 0U);
    ASSERT_FALSE(machine.records().empty());
    EXPECT_EQ(machine.records().back().outcome.verdict, Verdict::dropped);
    EXPECT_STREQ(machine.records().back().outcome.rule, rule::socket_name);
    EXPECT_EQ(machine.records().back().outcome.code, error);
  }
  EXPECT_TRUE(machine.removals().empty());
  EXPECT_TRUE(machine.replies().empty());
  machine.reach_error.reset();
  remove_set();
  EXPECT_EQ(machine.removals().size(), 1U);
}

}  // namespace
}  // namespace secshr
