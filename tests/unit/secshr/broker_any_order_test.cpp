// Any datagrams, from anybody, with the helpers' answers, deaths and time in any order: what must hold always. The
// same seeds give the same runs.
#include <random>

#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

class BrokerAnyOrder : public BrokerTest, public testing::WithParamInterface<unsigned> {
 protected:
  BrokerAnyOrder() : random(GetParam()) {
    for (std::uint64_t inode = 43; inode < 46; ++inode)
      machine.files[inode] = {.owner = alice, .mode = S_IFREG | 0444};
    machine.files[45].database = false;
    for (std::uint64_t inode = 42; inode < 46; ++inode) machine.paths["/data/" + std::to_string(inode)] = inode;
    for (pid_t pid = first_pid; pid < first_pid + pids; ++pid) start(pid);
    for (std::int32_t id = 0; id < 6; ++id) {
      const uid_t uid = 2000 + below(3);
      machine.semaphore_sets[id] = {{uid, uid, 70}, some_pid()};
      machine.segments[id] = {uid, uid, 80};
    }
  }

  unsigned below(unsigned limit) { return static_cast<unsigned>(random()) % limit; }
  pid_t some_pid() { return first_pid + static_cast<pid_t>(below(pids)); }
  bool one_in(unsigned odds) { return below(odds) == 0; }

  void start(pid_t pid) {
    SimulatedProcess process{.uid = 2000 + below(3), .gid = 3000, .mixed_ids = one_in(20)};
    if (one_in(3)) process.attached.insert(static_cast<std::int32_t>(below(6)));
    machine.start(pid, std::move(process));
  }

  protocol::IpcIds some_ids() {
    protocol::IpcIds ids{static_cast<std::int32_t>(below(7)), static_cast<std::int32_t>(below(7)), 70, 80};
    if (one_in(4)) ids.shmid = -1, ids.shm_ctime = 0;
    if (one_in(8)) ids.sem_ctime = 71;
    return one_in(3) ? protocol::closed_ids : ids;
  }

  protocol::Request some_request(const std::string& path) {
    switch (below(8)) {
      case 0:
        return protocol::Ping{};
      case 1:
        return protocol::RemoveSemaphoreSet{static_cast<std::int32_t>(below(7))};
      case 2:
        return protocol::RemoveFile{path};
      default:
        return protocol::FlushHeader{some_ids(), path};
    }
  }

  SimulatedDatagram some_datagram() {
    const pid_t pid = some_pid();
    const std::string path = "/data/" + std::to_string(42 + below(5));
    auto datagram = machine.datagram_of(pid, encoded(header_of(pid, ++sent), some_request(path)));
    if (one_in(6)) datagram.bytes.resize(below(5000));
    if (one_in(6) && !datagram.bytes.empty()) {
      datagram.bytes[below(static_cast<unsigned>(datagram.bytes.size()))] ^= static_cast<std::byte>(1U << below(8));
    }
    if (one_in(20)) datagram.sender = "/served/gtm_secshr0000000" + std::to_string(below(9));
    if (one_in(20)) datagram.credentials.reset();
    if (one_in(20)) datagram.control_truncated = true;
    if (one_in(20)) datagram.birth = 0;
    return datagram;
  }

  void step() {
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
        machine.socket.push_back(some_datagram());
        break;
      case 3:
      case 4:
        while (broker.handle_request(served)) {
        }
        break;
      case 5:
        if (machine.looks_waiting() > 0) broker.on_seen(machine.look());
        break;
      case 6:
        if (machine.writes_waiting() > 0) broker.on_written(machine.write());
        break;
      case 7:
        pass(std::chrono::milliseconds(below(900)));
        break;
      default:
        change_the_world();
    }
  }

  void change_the_world() {
    const pid_t pid = some_pid();
    switch (below(4)) {
      case 0:
        machine.processes.at(pid).alive = false;
        break;
      case 1:
        start(pid);
        break;
      case 2:
        machine.files.at(42 + below(3)).ids = some_ids();
        break;
      default:
        machine.looker_error = one_in(4) ? std::optional(EAGAIN) : std::nullopt;
        machine.writer_error = one_in(4) ? std::optional(EAGAIN) : std::nullopt;
    }
  }

  void check_limits() const {
    ASSERT_LE(broker.parked(), limits::parked_exchanges);
    const auto deadline = const_cast<Broker&>(broker).next_deadline();
    ASSERT_EQ(deadline.has_value(), broker.parked() > 0);
  }

  // Each reply right after the record of the same datagram, and with its code.
  void check_journal() const {
    const SimulatedRecord* last = nullptr;
    for (const auto& act : machine.journal) {
      if (const auto* reply = std::get_if<SimulatedReply>(&act)) {
        ASSERT_NE(last, nullptr) << "a reply without a record";
        ASSERT_EQ(last->pid, reply->client.pid);
        ASSERT_EQ(last->outcome.code, code(*reply));
        ASSERT_NE(last->outcome.verdict, Verdict::dropped);
      } else if (last != nullptr) {
        ASSERT_EQ(last->outcome.verdict, Verdict::dropped) << "a record without its reply";
      }
      last = std::get_if<SimulatedRecord>(&act);
      if (last == nullptr) continue;
      ASSERT_EQ(last->outcome.code == 0, last->outcome.verdict == Verdict::done);
    }
  }

  static constexpr pid_t first_pid = 6000;
  static constexpr pid_t pids = 12;
  std::mt19937 random;
  std::uint64_t sent = 0;
};

TEST_P(BrokerAnyOrder, keeps_its_promises) {
  for (int steps = 0; steps < 10000; ++steps) {
    step();
    ASSERT_NO_FATAL_FAILURE(check_limits());
  }
  while (broker.handle_request(served)) {
  }
  pass(limits::request_deadline + limits::writer_grace);
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);

  EXPECT_EQ(machine.records().size(), sent) << "one record for each datagram";
  ASSERT_NO_FATAL_FAILURE(check_journal());
  // Every change of a header is a flush that was told so.
  const auto records = machine.records();
  const auto flushes = std::ranges::count_if(records, [](const SimulatedRecord& record) {
    return record.outcome.verdict == Verdict::done && record.request.starts_with("flush-header-");
  });
  EXPECT_EQ(machine.header_writes().size(), static_cast<std::size_t>(flushes) + machine.events().size());
  EXPECT_FALSE(machine.writes_overlapped());
  EXPECT_GT(flushes, 0) << "the run is no test";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BrokerAnyOrder, testing::Range(1U, 11U));

}  // namespace
}  // namespace secshr
