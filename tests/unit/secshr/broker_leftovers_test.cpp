// The suffix scheme: a client whose own name was taken by leftovers comes under that name and a letter, and finds
// them gone afterwards. They go by the same rules as a socket that a request names.
#include <functional>
#include <set>

#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

const std::string bobs_name = "gtm_secshr000003EA";
constexpr gid_t staff = 50;

class BrokerLeftovers : public BrokerTest {
 protected:
  // Bob's name without and with every letter, as another user's leftovers, and bob's own under his letter.
  void leave_all(char own) {
    for (const auto& suffix : protocol::client_socket_suffixes) machine.names[name_of(suffix)] = {.owner = alice};
    machine.names[name_of(own)] = {.owner = bob, .bound = true};
  }
  static std::string name_of(std::optional<char> suffix) { return suffix ? bobs_name + *suffix : bobs_name; }
  void ask(const protocol::Request& request, const std::string& from) {
    auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), request));
    datagram.sender = "/served/" + from;
    serve(std::move(datagram));
    machine.settle(broker);
  }
  std::vector<SimulatedRecord> leftover_records() const {
    auto records = machine.records();
    std::erase_if(records, [](const SimulatedRecord& record) { return record.request != "remove-leftover"; });
    return records;
  }
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& [name, facts] : machine.names) all.insert(name);
    return all;
  }
};

TEST_F(BrokerLeftovers, removes_all_of_the_pids_but_the_clients_own_with_a_record_each) {
  for (const char own : {'a', 'q', 'z'}) {
    machine.journal.clear();
    leave_all(own);
    ask(protocol::Ping{}, name_of(own));
    EXPECT_EQ(names(), (std::set{name_of(own)})) << own;
    EXPECT_EQ(machine.removals().size(), 26U);
    ASSERT_EQ(leftover_records().size(), 26U);
    std::set<std::string> recorded;
    for (const auto& record : leftover_records()) {
      recorded.insert(record.object);
      EXPECT_EQ(record.pid, bob_pid);
      EXPECT_EQ(record.uid, bob);
      EXPECT_EQ(record.owner, alice);
      EXPECT_EQ(record.mode, 0777U);
      EXPECT_EQ(record.outcome.verdict, Verdict::done);
    }
    EXPECT_EQ(recorded.size(), 26U);
    EXPECT_FALSE(recorded.contains("/served/" + name_of(own)));
    EXPECT_TRUE(recorded.contains("/served/" + bobs_name));
    for (const auto& removal : machine.removals()) EXPECT_EQ(removal.as, bob);
  }
}

TEST_F(BrokerLeftovers, records_the_time_since_the_request_came) {
  machine.names[bobs_name] = {.owner = alice};
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), close_of()));
  datagram.sender = "/served/" + name_of('a');
  serve(std::move(datagram));
  machine.clock += std::chrono::microseconds(321);
  machine.settle(broker);
  ASSERT_EQ(leftover_records().size(), 1U);
  EXPECT_EQ(leftover_records()[0].microseconds, 321);
  EXPECT_EQ(leftover_records()[0].comm, "dse");
}

TEST_F(BrokerLeftovers, removes_them_after_the_reply) {
  leave_all('a');
  ask(protocol::Ping{}, name_of('a'));
  ASSERT_EQ(machine.replies().size(), 1U);
  EXPECT_EQ(machine.replies()[0].name, name_of('a'));
  EXPECT_TRUE(std::holds_alternative<SimulatedRecord>(machine.journal.at(0)));
  EXPECT_TRUE(std::holds_alternative<SimulatedReply>(machine.journal.at(1)));
}

TEST_F(BrokerLeftovers, removes_nothing_for_a_client_under_its_own_name) {
  leave_all('a');
  const auto before = names();
  ask(protocol::Ping{}, bobs_name);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(names(), before);
  EXPECT_EQ(machine.records().size(), 1U);
}

TEST_F(BrokerLeftovers, touches_no_other_pids_and_no_other_names) {
  const std::set<std::string> others{"gtm_secshr000003E9",   "gtm_secshr000003E9a", "gtm_secshr000003EB",
                                     "gtm_secshr000003EAA",  "gtm_secshr000003ea",  "gtm_secshr000003EAaa",
                                     "gtm_secshr00000003EA", "gtm_mutex000003EA",   "ydb_secshr000003EA",
                                     "gtm_secshr2E9E59CB",   "gtm_secshr"};
  for (const auto& name : others) machine.names[name] = {.owner = alice};
  machine.names[name_of('b')] = {.owner = alice};
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_EQ(names(), others);
}

TEST_F(BrokerLeftovers, records_nothing_of_names_that_are_not_there) {
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(machine.records().size(), 1U);
}

// What stays was no leftover, and nobody asked for it by name: that is no refusal, and no record.

TEST_F(BrokerLeftovers, leaves_a_live_one_and_removes_the_others) {
  leave_all('a');
  machine.names.at(name_of('m')).bound = true;
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_EQ(names(), (std::set{name_of('a'), name_of('m')}));
  EXPECT_EQ(machine.removals().size(), 25U);
  EXPECT_EQ(leftover_records().size(), 25U);
  for (const auto& record : leftover_records()) EXPECT_NE(record.object, "/served/" + name_of('m'));
}

TEST_F(BrokerLeftovers, leaves_what_is_not_a_socket) {
  for (const mode_t type : std::initializer_list<mode_t>{S_IFREG, S_IFDIR, S_IFIFO, S_IFLNK}) {
    machine.names[bobs_name] = {.owner = alice, .mode = type | 0666U};
    ask(protocol::Ping{}, name_of('a'));
    EXPECT_TRUE(machine.names.contains(bobs_name)) << type;
  }
  EXPECT_TRUE(leftover_records().empty());
  machine.names[bobs_name].mode = S_IFSOCK | 0666U;
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_FALSE(machine.names.contains(bobs_name));
}

TEST_F(BrokerLeftovers, leaves_everything_in_a_directory_that_the_client_cannot_write_to) {
  machine.directory = {.owner = alice, .group = staff, .mode = S_IFDIR | 0775};
  leave_all('a');
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_EQ(names().size(), 27U);
  EXPECT_TRUE(leftover_records().empty());
  machine.directory.owner = bob;
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(BrokerLeftovers, counts_the_groups_that_were_seen_for_the_request_itself) {
  machine.directory = {.owner = alice, .group = staff, .mode = S_IFDIR | 0775};
  machine.names[bobs_name] = {.owner = alice};
  machine.processes.at(bob_pid).groups = {staff};
  ask(close_of(), name_of('a'));
  EXPECT_FALSE(machine.names.contains(bobs_name));
}

// "Bridges ownership, never access": a client of a group that may not write to the directory may not through us.
TEST_F(BrokerLeftovers, leaves_everything_where_the_clients_group_is_shut_out_whatever_it_asked_for) {
  machine.directory = {.owner = alice, .group = staff, .mode = S_IFDIR | 01757};
  machine.processes.at(bob_pid).groups = {staff};
  const protocol::Request requests[] = {close_of(), protocol::Ping{}, protocol::Wake{alice_pid},
                                        protocol::ContinueProcess{0}};
  for (const auto& request : requests) {
    machine.names[bobs_name] = {.owner = alice};
    ask(request, name_of('a'));
    EXPECT_TRUE(machine.names.contains(bobs_name)) << request.index();
  }
}

TEST_F(BrokerLeftovers, does_not_take_the_groups_of_a_process_that_it_looked_at_for_the_clients) {
  machine.directory = {.owner = alice, .group = staff, .mode = S_IFDIR | 0775};
  machine.names[bobs_name] = {.owner = alice};
  machine.processes.at(alice_pid).groups = {staff};
  ask(protocol::Wake{alice_pid}, name_of('a'));
  EXPECT_TRUE(machine.names.contains(bobs_name));
}

// Whatever came of the request, the client has its answer, and its next request comes under its own name again.

TEST_F(BrokerLeftovers, removes_them_after_a_request_that_was_refused_or_failed) {
  const auto removes_after = [&](const std::function<void()>& request) {
    machine.names[bobs_name] = {.owner = alice};
    request();
    EXPECT_FALSE(machine.names.contains(bobs_name));
    return machine.records().at(machine.records().size() - 2).outcome;
  };
  const std::string own = name_of('a');
  EXPECT_EQ(removes_after([&] { ask(protocol::RemoveSemaphoreSet{999}, own); }).code, EINVAL);
  EXPECT_EQ(removes_after([&] { ask(protocol::ContinueProcess{0}, own); }).code, EINVAL);
  EXPECT_EQ(removes_after([&] { ask(close_of("/data/none.dat"), own); }).code, ENOENT);
  machine.reply_error = ECONNREFUSED;
  EXPECT_EQ(removes_after([&] { ask(protocol::Ping{}, own); }).code, 0);
  machine.reply_error.reset();
  // A message that says another pid, an unknown code, one too short for its code.
  const auto send_raw = [&](Bytes bytes) {
    auto datagram = machine.datagram_of(bob_pid, std::move(bytes));
    datagram.sender = "/served/" + own;
    serve(std::move(datagram));
    machine.settle(broker);
  };
  EXPECT_EQ(removes_after([&] { send_raw(encoded(header_of(alice_pid), protocol::Ping{})); }).code, EPERM);
  EXPECT_EQ(removes_after([&] {
              Bytes bytes = encoded(header_of(bob_pid), close_of());
              bytes.resize(bytes.size() - 1);
              send_raw(bytes);
            }).code,
            EINVAL);
}

TEST_F(BrokerLeftovers, removes_them_once_after_a_request_that_ran_out_of_time) {
  leave_all('a');
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), close_of()));
  datagram.sender = "/served/" + name_of('a');
  serve(std::move(datagram));
  EXPECT_EQ(names().size(), 27U) << "not before the answer";
  pass(limits::request_deadline);
  EXPECT_EQ(names().size(), 27U) << "not before it is known who the client is";
  machine.settle(broker);
  EXPECT_EQ(names(), (std::set{name_of('a')}));
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerLeftovers, leaves_them_where_nobody_can_say_who_the_client_is) {
  const auto stays = [&](const char* why) {
    machine.names[bobs_name] = {.owner = alice};
    for (const protocol::Request& request : {protocol::Request(protocol::Ping{}), protocol::Request(close_of())}) {
      ask(request, name_of('a'));
      EXPECT_TRUE(machine.names.contains(bobs_name)) << why;
      EXPECT_EQ(broker.parked(), 0U) << why;
    }
  };
  machine.looker_error = EAGAIN;
  stays("no looker");
  machine.looker_error.reset();
  SimulatedProcess& process = machine.processes.at(bob_pid);
  process.mixed_ids = true;
  stays("mixed ids");
  process.mixed_ids = false;
  process.groups.assign(reported_groups + 1, staff);
  stays("too many groups");
  process.groups.resize(reported_groups);
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_FALSE(machine.names.contains(bobs_name));
}

TEST_F(BrokerLeftovers, looks_at_the_client_where_the_request_itself_needed_no_look_at_it) {
  machine.directory = {.owner = alice, .group = staff, .mode = S_IFDIR | 0775};
  machine.processes.at(bob_pid).groups = {staff};
  for (const protocol::Request& request :
       {protocol::Request(protocol::Ping{}), protocol::Request(protocol::ContinueProcess{alice_pid})}) {
    machine.names[bobs_name] = {.owner = alice};
    ask(request, name_of('a'));
    EXPECT_FALSE(machine.names.contains(bobs_name)) << request.index();
  }
}

TEST_F(BrokerLeftovers, asks_the_list_for_a_file_of_roots_under_the_clients_own_name) {
  machine.names[bobs_name] = {.owner = 0, .mode = S_IFSOCK | 0755, .only_listed = true};
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_FALSE(machine.names.contains(bobs_name));
}

TEST_F(BrokerLeftovers, removes_nothing_for_a_sender_that_is_not_the_pid_in_its_name) {
  leave_all('a');
  const auto before = names();
  auto datagram = machine.datagram_of(alice_pid, encoded(header_of(bob_pid), protocol::Ping{}));
  datagram.sender = "/served/" + name_of('a');
  serve(std::move(datagram));
  EXPECT_EQ(outcome(), dropped_with("sock.name", EPERM));
  EXPECT_EQ(names(), before);
}

TEST_F(BrokerLeftovers, removes_nothing_for_a_sender_that_is_dropped) {
  leave_all('a');
  const auto before = names();
  auto datagram = machine.datagram_of(bob_pid, encoded(header_of(bob_pid), protocol::Ping{}));
  datagram.sender = "/served/" + name_of('a');
  datagram.credentials.reset();
  serve(datagram);
  datagram = machine.datagram_of(bob_pid, Bytes(23));
  datagram.sender = "/served/" + name_of('a');
  serve(datagram);
  EXPECT_EQ(names(), before);
  EXPECT_EQ(machine.records().size(), 2U);
}

TEST_F(BrokerLeftovers, goes_on_with_the_others_when_one_cannot_be_removed) {
  leave_all('a');
  machine.removal_error = EROFS;
  ask(protocol::Ping{}, name_of('a'));
  EXPECT_EQ(names().size(), 27U);
  ASSERT_EQ(leftover_records().size(), 26U);
  for (const auto& record : leftover_records()) {
    EXPECT_EQ(record.outcome.verdict, Verdict::failed);
    EXPECT_EQ(record.outcome.code, EROFS);
  }
}

// The client may name its own leftovers in a request, too; its own living socket stays.
TEST_F(BrokerLeftovers, leaves_the_clients_own_socket_when_the_request_itself_names_it) {
  leave_all('a');
  const std::string own_path = "/served/" + name_of('a');
  ask(protocol::RemoveFile{own_path}, name_of('a'));
  EXPECT_TRUE(machine.names.contains(name_of('a')));
  EXPECT_STREQ(machine.records().front().outcome.rule, "sock.live");
}

}  // namespace
}  // namespace secshr
