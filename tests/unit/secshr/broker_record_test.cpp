// What the one record of a datagram says, and when it is written.
#include <iterator>

#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;
using BrokerRecord = BrokerTest;

TEST_F(BrokerRecord, says_who_asked_for_what_and_what_came_of_it) {
  machine.files.at(database_inode).mode = S_IFREG | S_ISGID | 0444;
  serve(bob_pid, protocol::FlushHeader{make_objects(bob), database});
  machine.clock += std::chrono::microseconds(1234);
  machine.settle(broker);
  const auto records = machine.records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].pid, bob_pid);
  EXPECT_EQ(records[0].uid, bob);
  EXPECT_EQ(records[0].gid, 3002U);
  EXPECT_EQ(records[0].comm, "dse");
  EXPECT_EQ(records[0].request, "flush-header-open");
  EXPECT_EQ(records[0].object, database);
  EXPECT_EQ(records[0].owner, alice);
  EXPECT_EQ(records[0].mode, 02444U);
  EXPECT_EQ(records[0].microseconds, 1234);

  serve(bob_pid, close_of());
  machine.settle(broker);
  EXPECT_EQ(machine.records().back().request, "flush-header-close");
}

TEST_F(BrokerRecord, is_written_before_the_reply_is_sent) {
  serve(bob_pid, protocol::Ping{});
  serve(bob_pid, protocol::Wake{1});
  serve(bob_pid, close_of());
  machine.settle(broker);
  std::vector<std::size_t> kinds;
  std::ranges::transform(machine.journal, std::back_inserter(kinds), &SimulatedAct::index);
  constexpr std::size_t record = 0;
  constexpr std::size_t reply = 1;
  constexpr std::size_t write = 3;
  EXPECT_EQ(kinds, (std::vector{record, reply, record, reply, write, record, reply}));
}

TEST_F(BrokerRecord, names_what_the_looker_found_of_a_refused_file) {
  machine.files.at(database_inode).mode = S_IFREG | 0440;
  serve(bob_pid, close_of());
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("hdr.read", EPERM));
  EXPECT_EQ(machine.records().back().owner, alice);
  EXPECT_EQ(machine.records().back().mode, 0440U);

  serve(bob_pid, close_of("/data/none.dat"));
  machine.settle(broker);
  EXPECT_EQ(outcome(), refused_with("-", ENOENT));
  EXPECT_EQ(machine.records().back().object, "/data/none.dat");
  EXPECT_EQ(machine.records().back().owner, std::nullopt);
  EXPECT_EQ(machine.records().back().mode, std::nullopt);
}

TEST_F(BrokerRecord, passes_the_clients_words_on_as_they_are) {
  const std::string path = "/data/\xe2\x80\xae\x9b{}%n\" verdict=done";
  serve(bob_pid, close_of(path.c_str()));
  machine.settle(broker);
  EXPECT_EQ(machine.records().back().object, path);
}

// The kernel did say who it was.
TEST_F(BrokerRecord, names_a_sender_that_had_ended) {
  machine.send(bob_pid, encoded(header_of(bob_pid), close_of()));
  machine.processes.at(bob_pid).alive = false;
  broker.handle_request(served);
  EXPECT_EQ(machine.records().back().pid, bob_pid);
  EXPECT_EQ(machine.records().back().uid, bob);
  EXPECT_EQ(machine.records().back().gid, 3002U);
}

TEST_F(BrokerRecord, names_the_uid_of_a_sender_outside_our_pid_namespace) {
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), close_of()));
  datagram.credentials->pid = 0;
  serve(std::move(datagram));
  EXPECT_EQ(machine.records().back().uid, bob);
}

TEST_F(BrokerRecord, names_nobody_where_the_control_data_cannot_be_relied_on) {
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), close_of()));
  datagram.control_truncated = true;
  serve(std::move(datagram));
  EXPECT_EQ(machine.records().back().pid, std::nullopt);
  EXPECT_EQ(machine.records().back().uid, std::nullopt);
}

}  // namespace
}  // namespace secshr
