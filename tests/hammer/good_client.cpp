#include "tests/hammer/good_client.h"

#include <gtest/gtest.h>
#include <sys/sem.h>
#include <unistd.h>

#include <cstring>

#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"
#include "protocol/rules.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/next_number.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

using std::chrono::steady_clock;

const ObjectRights teams{colleague_user.uid, team, team, 0660};
const ObjectRights own{good_user.uid, team, team, 0600};

// Numbers that no hostile process comes upon by a few wrong bits.
constexpr pid_t first_sleeper = 0x5555;
constexpr pid_t first_ended_process = 0x3A5000;

}  // namespace

GoodClient::GoodClient(std::string server, std::string program, Accounting& accounting, std::uint64_t seed)
    : server_(std::move(server)),
      program_(std::move(program)),
      accounting_(accounting),
      random_(seed),
      database_(data + "/team.dat") {
  EXPECT_EQ(client_.bind(tmp + "/" + client_.socket_name()), 0);
  accounting_.made_name(client_.socket_name());
  write_file(database_, DatabaseImage{}.text(), 0440, colleague_user.uid, team);
  accounting_.watch_header(database_);
}

// The reply is the request's header with the answer as its code; where the rule is asked for it has that in the place
// of the flag. Nothing else comes.
void GoodClient::ask(const protocol::Request& request, int code, const std::string& rule) {
  const bool is_explained = random_.one_in(2);
  const auto flag = static_cast<std::int32_t>(random_.next() & 0x7fffffff);
  const protocol::RequestHeader header{is_explained ? protocol::explained_bit : 0, release_key, flag, client_.pid(),
                                       random_.next()};
  Bytes bytes(protocol::maximum_datagram);
  bytes.resize(protocol::encode_request(header, request, bytes));
  ++requests_;
  const auto asked = steady_clock::now();
  EXPECT_EQ(client_.send(server_, bytes), 0);
  const auto received = client_.receive();
  const auto waited = steady_clock::now() - asked;
  latencies_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(waited).count());
  const char* const what = protocol::request_name(protocol::code_of(request));
  EXPECT_LT(waited, bound) << what;
  ASSERT_TRUE(received.has_value()) << "no answer: " << what;
  const auto reply = protocol::decode_reply(*received);
  ASSERT_TRUE(reply.has_value()) << "a reply of " << received->size() << " bytes";
  protocol::RequestHeader expected = header;
  expected.code = code;
  if (is_explained) expected.use_secshr = rule.empty() ? 0 : protocol::rule_number(rule);
  EXPECT_EQ(reply->header.code, expected.code) << what << ", flag " << reply->header.use_secshr;
  EXPECT_EQ(reply->header, expected) << what;
  EXPECT_FALSE(client_.receive(std::chrono::milliseconds(0)).has_value()) << "more than one answer: " << what;
}

void GoodClient::work() {
  switch (random_.below(8)) {
    case 0:
    case 1:
      return remove_a_set();
    case 2:
    case 3:
      return remove_a_segment();
    case 4:
      return use_a_database();
    case 5:
      return remove_a_leftover();
    case 6:
      return ping();
    default:
      if (steady_clock::now() < next_in_vain_) return ping();
      next_in_vain_ = steady_clock::now() + std::chrono::milliseconds(50);
      return random_.one_in(3) ? signal_a_process() : try_in_vain();
  }
}

void GoodClient::ping() {
  ask(protocol::Ping{});
}

// As a client that is the last to leave: it has used the set itself.
void GoodClient::remove_a_set() {
  const int semid = make_set(colleague_, 0660);
  accounting_.made(Thing::set, semid, teams);
  if (random_.one_in(2)) {
    EXPECT_EQ(operate_on(client_, semid), 0);
  }
  ask(protocol::RemoveSemaphoreSet{semid});
  EXPECT_FALSE(set_exists(semid));
  if (random_.one_in(4)) ask(protocol::RemoveSemaphoreSet{semid}, EINVAL);
}

void GoodClient::remove_a_segment() {
  const int shmid = make_segment(colleague_, 0660);
  accounting_.made(Thing::segment, shmid, teams);
  ask(protocol::RemoveSegment{shmid});
  EXPECT_FALSE(segment_exists(shmid));
  if (random_.one_in(4)) ask(protocol::RemoveSegment{shmid}, EINVAL);
}

// Opened, closed, and what it named removed.
void GoodClient::use_a_database() {
  const int semid = make_set(client_, 0600);
  const int shmid = make_segment(client_, 0600);
  accounting_.made(Thing::set, semid, own);
  accounting_.made(Thing::segment, shmid, own);
  const protocol::IpcIds ids = ids_of(semid, shmid);
  ask(protocol::FlushHeader{ids, database_});
  EXPECT_EQ(read_file(database_), DatabaseImage{.ids = ids}.text());
  accounting_.look_at_headers();
  ask(protocol::FlushHeader{protocol::closed_ids, database_});
  EXPECT_EQ(read_file(database_), DatabaseImage{}.text());
  accounting_.look_at_headers();
  ask(protocol::RemoveSegment{shmid});
  ask(protocol::RemoveSemaphoreSet{semid});
  EXPECT_FALSE(set_exists(semid) || segment_exists(shmid));
}

void GoodClient::remove_a_leftover() {
  const std::string name =
      (random_.one_in(2) ? "gtm_mutex" : "gtm_secshr") +
      Client::name_of(first_ended_process + static_cast<pid_t>(leftovers_++ % 0x1000)).substr(10);
  const std::string path = tmp + "/" + name;
  write_dead_socket(path, colleague_user.uid, team);
  accounting_.made_name(name);
  ask(protocol::RemoveFile{path});
  EXPECT_FALSE(exists(path));
  if (random_.one_in(4)) ask(protocol::RemoveFile{path}, ENOENT);
}

void GoodClient::signal_a_process() {
  EXPECT_TRUE(choose_next_pid(first_sleeper + static_cast<pid_t>(sleepers_++ % 0x100)));
  Running sleeper = start_as(colleague_user, {program_, {"mumps", "caught"}, {}, {}});
  const auto state = [&] {
    const auto status = status_of(sleeper.pid());
    return status.contains("State") ? status.at("State").front() : '-';
  };
  EXPECT_TRUE(eventually([&] { return state() == 'T'; }));
  ask(protocol::ContinueProcess{sleeper.pid()});
  EXPECT_TRUE(eventually([&] { return state() == 'S'; }));
  ask(protocol::Wake{sleeper.pid()});
  EXPECT_EQ(sleeper.wait().ending, exited(14));
}

void GoodClient::try_in_vain() {
  if (refusals_.empty()) return;
  const Refusal& refusal = random_.pick(refusals_);
  ask(refusal.request, refusal.code, refusal.rule);
}

}  // namespace secshr::test
