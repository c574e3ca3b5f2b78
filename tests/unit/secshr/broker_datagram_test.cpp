// Any datagram from anybody: one record, a reply where one is owed, and nothing else.
#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;
using BrokerDatagram = BrokerTest;

TEST_F(BrokerDatagram, takes_nothing_where_there_is_none) {
  EXPECT_FALSE(broker.handle_request(served));
  EXPECT_TRUE(machine.journal.empty());
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerDatagram, answers_a_ping_with_the_header_it_came_with) {
  EXPECT_TRUE(serve(bob_pid, protocol::Ping{}, 77));
  EXPECT_EQ(outcome(), done);
  const auto replies = machine.replies();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].directory, served.directory);
  EXPECT_EQ(replies[0].name, "gtm_secshr000003EA");
  EXPECT_EQ(replies[0].client.uid, bob);
  auto expected = header_of(bob_pid, 77);
  expected.code = 0;
  EXPECT_EQ(protocol::decode_reply(replies[0].bytes)->header, expected);
}

TEST_F(BrokerDatagram, serves_a_flush_and_changes_just_the_ids) {
  const auto ids = make_objects(bob);
  serve(bob_pid, protocol::FlushHeader{ids, database});
  EXPECT_TRUE(machine.journal.empty());
  EXPECT_EQ(broker.parked(), 1U);
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(header(), ids);
  EXPECT_EQ(broker.parked(), 0U);
}

// Every length of every request: nothing but the exact one is served.
TEST_F(BrokerDatagram, refuses_every_length_but_the_exact_one) {
  const protocol::Request requests[] = {protocol::Ping{},
                                        protocol::Wake{bob_pid},
                                        protocol::RemoveSemaphoreSet{5},
                                        protocol::RemoveSegment{5},
                                        protocol::RemoveFile{"/x"},
                                        protocol::ContinueProcess{bob_pid},
                                        close_of()};
  for (const auto& request : requests) {
    const Bytes exact = encoded(header_of(bob_pid), request);
    for (std::size_t size = 0; size <= exact.size() + 9; ++size) {
      if (size == exact.size()) continue;
      Bytes bytes = exact;
      bytes.resize(size, std::byte{0});
      machine.send(bob_pid, bytes);
      const std::size_t records = machine.records().size();
      ASSERT_TRUE(broker.handle_request(served));
      ASSERT_EQ(machine.records().size(), records + 1);
      const bool full_header = size >= protocol::header_size;
      // A path that ends early, or goes on, is a path without its NUL or with one inside.
      EXPECT_EQ(outcome(), full_header ? refused_with("-", EINVAL) : dropped_with("-", EINVAL))
          << request.index() << " " << size;
    }
  }
  EXPECT_EQ(machine.looks_waiting(), 0U);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerDatagram, takes_the_longest_datagram_and_refuses_one_byte_more) {
  const std::string path = "/" + std::string(protocol::maximum_path - 1, 'p');
  machine.paths[path] = database_inode;
  const Bytes longest = encoded(header_of(bob_pid), close_of(path.c_str()));
  ASSERT_EQ(longest.size(), protocol::maximum_datagram);
  machine.send(bob_pid, longest);
  broker.handle_request(served);
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(machine.records().back().object, path);

  for (const std::size_t size :
       {protocol::maximum_datagram + 1, protocol::maximum_datagram + 2, std::size_t{150000}}) {
    for (const std::int32_t code : {1, 2, 4, 5, 6, 0x100}) {
      Bytes longer = longest;
      longer.resize(size, std::byte{'p'});
      std::memcpy(longer.data(), &code, sizeof code);
      machine.send(bob_pid, longer);
      broker.handle_request(served);
      EXPECT_EQ(outcome(), refused_with("-", EINVAL)) << size << " " << code;
    }
  }
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerDatagram, shows_nothing_of_an_earlier_one) {
  const auto ids = make_objects(bob);
  serve(bob_pid, protocol::FlushHeader{ids, database}, 0x1111111111111111);
  machine.settle(broker);
  ASSERT_EQ(outcome(), done);
  // The same place in the table, the same bytes behind the short message.
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{23}, std::size_t{24}, std::size_t{27}, std::size_t{59}}) {
    Bytes bytes = encoded(header_of(alice_pid, 2), protocol::FlushHeader{ids, database});
    bytes.resize(size);
    machine.send(alice_pid, bytes);
    broker.handle_request(served);
    const auto record = machine.records().back();
    EXPECT_EQ(record.pid, alice_pid);
    EXPECT_EQ(record.uid, alice);
    EXPECT_EQ(record.object, "") << size;
    EXPECT_EQ(record.comm, "");
    EXPECT_EQ(record.owner, std::nullopt);
    EXPECT_EQ(record.mode, std::nullopt);
    EXPECT_EQ(record.request, size < 24 ? "-" : "flush-header");
    if (size < 24) continue;
    EXPECT_EQ(protocol::decode_reply(machine.replies().back().bytes)->header.sequence, 2U);
  }
  EXPECT_EQ(machine.replies().size(), 4U);
}

TEST_F(BrokerDatagram, tells_unknown_codes_and_foreign_keys) {
  for (const std::int32_t unknown : {0, 7, -1, 0xff, 0x101, 0x8000, 0x06000000}) {
    Bytes bytes = encoded(header_of(bob_pid), protocol::Ping{});
    std::memcpy(bytes.data(), &unknown, sizeof unknown);
    machine.send(bob_pid, bytes);
    broker.handle_request(served);
    EXPECT_EQ(outcome(), refused_with("-", 0x8000)) << unknown;
    EXPECT_EQ(machine.records().back().request, "unknown");
  }
  auto foreign = header_of(bob_pid, 9);
  foreign.communication_key = 0xd834e1cf;
  machine.send(bob_pid, encoded(foreign, close_of()));
  broker.handle_request(served);
  EXPECT_EQ(outcome(), refused_with("-", 0x8001));
  const auto reply = protocol::decode_reply(machine.replies().back().bytes);
  EXPECT_EQ(reply->header.communication_key, 0xd834e1cfU);
  EXPECT_EQ(reply->header.sequence, 9U);
}

// Every request of stock clients, each of which has something to act on.
TEST_F(BrokerDatagram, serves_every_request) {
  machine.semaphore_sets[5] = {{.uid = alice, .cuid = alice, .mode = 0666}, bob_pid};
  machine.segments[6] = {{.uid = alice, .cuid = alice, .mode = 0666}};
  machine.names["gtm_mutex00000001"] = {.owner = alice};
  const protocol::Request requests[] = {protocol::Wake{alice_pid},
                                        protocol::RemoveSemaphoreSet{5},
                                        protocol::RemoveSegment{6},
                                        protocol::RemoveFile{"/served/gtm_mutex00000001"},
                                        protocol::ContinueProcess{alice_pid},
                                        close_of()};
  const std::string objects[] = {"1001", "5", "6", "/served/gtm_mutex00000001", "1001", database};
  for (std::size_t each = 0; each < std::size(requests); ++each) {
    serve(bob_pid, requests[each]);
    EXPECT_EQ(broker.parked(), 1U) << each;
    machine.settle(broker);
    EXPECT_EQ(outcome(), done) << each;
    EXPECT_EQ(machine.records().back().object, objects[each]);
    EXPECT_EQ(broker.parked(), 0U);
  }
  EXPECT_EQ(machine.removals().size(), 3U);
  EXPECT_EQ(machine.signals().size(), 2U);
  EXPECT_EQ(machine.header_writes().size(), 1U);
}

TEST_F(BrokerDatagram, refuses_a_message_that_names_another_pid) {
  for (const std::int32_t pid : {alice_pid, 0, -1, -bob_pid}) {
    machine.send(bob_pid, encoded(header_of(pid), protocol::Ping{}));
    broker.handle_request(served);
    EXPECT_EQ(outcome(), refused_with("peer.pid", EPERM)) << pid;
    EXPECT_EQ(machine.replies().back().client.pid, bob_pid);
  }
}

TEST_F(BrokerDatagram, sends_nothing_to_an_address_that_is_not_the_senders_own) {
  for (const char* sender :
       {"", "/served/gtm_secshr000003E9", "/served/gtm_secshr000003ea", "/served/passwd",
        "/served/gtm_secshr000003EA/", "/served/gtm_secshr000003EAaa", "/served/gtm_secshr2E9E59CB"}) {
    auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), close_of()));
    datagram.sender = sender;
    serve(std::move(datagram));
    EXPECT_EQ(outcome(), dropped_with("sock.name", EPERM)) << sender;
  }
  EXPECT_TRUE(machine.replies().empty());
  EXPECT_EQ(machine.looks_waiting(), 0U);
}

TEST_F(BrokerDatagram, replies_in_its_own_directory_to_the_suffix_that_was_used) {
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), protocol::Ping{}));
  datagram.sender = "/elsewhere/gtm_secshr000003EAq";
  serve(std::move(datagram));
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(machine.replies().back().name, "gtm_secshr000003EAq");
  EXPECT_EQ(machine.replies().back().directory, served.directory);
}

TEST_F(BrokerDatagram, drops_a_sender_that_cannot_be_identified) {
  const auto ordinary = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), protocol::Ping{}));
  const auto with = [&](auto change) {
    SimulatedDatagram datagram = ordinary;
    change(datagram);
    serve(std::move(datagram));
    return outcome();
  };
  const std::string outside = dropped_with("peer.namespace", EPERM);
  EXPECT_EQ(with([](SimulatedDatagram& d) { d.credentials.reset(); }), outside);
  EXPECT_EQ(with([](SimulatedDatagram& d) { d.control_truncated = true; }), outside);
  EXPECT_EQ(with([](SimulatedDatagram& d) { d.credentials->pid = 0; }), outside);
  EXPECT_EQ(with([](SimulatedDatagram& d) { d.credentials->uid = 65534; }), outside);
  EXPECT_EQ(with([](SimulatedDatagram& d) { d.credentials->gid = 65534; }), outside);
  EXPECT_EQ(with([](SimulatedDatagram& d) { d.birth = 0; }), dropped_with("-", ESRCH));
  EXPECT_EQ(with([](SimulatedDatagram&) {}), done);
}

TEST_F(BrokerDatagram, drops_what_a_process_sent_before_it_ended) {
  machine.send(bob_pid, encoded(header_of(bob_pid), close_of()));
  machine.processes.at(bob_pid).alive = false;
  broker.handle_request(served);
  EXPECT_EQ(outcome(), dropped_with("-", ESRCH));
  EXPECT_EQ(machine.looks_waiting(), 0U);
}

TEST_F(BrokerDatagram, goes_on_when_the_reply_cannot_be_sent) {
  for (const int error : {EAGAIN, ENOENT, ECONNREFUSED, EPERM}) {
    machine.reply_error = error;
    serve(bob_pid, protocol::Ping{});
    EXPECT_EQ(outcome(), done);
  }
  EXPECT_EQ(machine.records().size(), 4U);
  EXPECT_EQ(broker.unsent_replies(), 4U);
  machine.reply_error.reset();
  serve(bob_pid, protocol::Ping{});
  EXPECT_EQ(broker.unsent_replies(), 4U);
}

}  // namespace
}  // namespace secshr
