// Any datagrams, from anybody, with the helpers' answers, deaths and time in any order: what must hold always. The
// same seeds give the same runs.
#include <csignal>
#include <random>
#include <set>

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
      make_objects(id);
    }
    for (pid_t pid = first_pid; pid < first_pid + pids; ++pid) leave_a_name(pid);
  }

  unsigned below(unsigned limit) { return static_cast<unsigned>(random()) % limit; }
  pid_t some_pid() { return first_pid + static_cast<pid_t>(below(pids)); }
  bool one_in(unsigned odds) { return below(odds) == 0; }

  void start(pid_t pid) {
    SimulatedProcess process{.uid = 2000 + below(3), .gid = 3000, .mixed_ids = one_in(20)};
    process.runs_installation = !one_in(4);
    process.catches_alarm = !one_in(4);
    if (one_in(3)) process.attached.insert(static_cast<std::int32_t>(below(6)));
    machine.start(pid, std::move(process));
    const SimulatedProcess& started = machine.processes.at(pid);
    if (started.runs_installation) births_of_the_installation.insert(started.birth);
    if (started.catches_alarm) births_that_catch.insert(started.birth);
  }

  // 0600 or 0666, of a user, of root for a user, or of root.
  IpcObject some_object(std::int64_t ctime) {
    const uid_t uid = 2000 + below(3);
    IpcObject object{.uid = uid, .cuid = uid, .ctime = ctime, .mode = one_in(2) ? 0666U : 0600U};
    if (one_in(4)) object.cuid = 0;
    if (one_in(8)) object.uid = object.cuid = 0;
    return object;
  }
  void make_objects(std::int32_t id) {
    machine.semaphore_sets[id] = {some_object(70), one_in(4) ? 1 : some_pid()};
    machine.segments[id] = {some_object(80)};
  }
  // A leftover, a living socket, or a file, under one of the names of that pid.
  std::string name_of(pid_t pid) {
    const auto suffix = protocol::client_socket_suffixes[below(4)];
    return std::string(protocol::client_socket_name(*service.profile, pid, suffix).view());
  }
  void leave_a_name(pid_t pid) {
    const unsigned type = one_in(5) ? S_IFREG : S_IFSOCK;
    machine.names[name_of(pid)] = {
        .owner = 2000 + below(3), .mode = type | 0644, .bound = one_in(4), .inode = ++last_inode};
  }

  protocol::IpcIds some_ids() {
    protocol::IpcIds ids{static_cast<std::int32_t>(below(7)), static_cast<std::int32_t>(below(7)), 70, 80};
    if (one_in(2)) ids.shmid = -1, ids.shm_ctime = 0;
    if (one_in(8)) ids.sem_ctime = 71;
    return one_in(3) ? protocol::closed_ids : ids;
  }

  protocol::Request some_request(const std::string& path, const std::string& leftover) {
    switch (below(14)) {
      case 0:
        return protocol::Ping{};
      case 1:
      case 2:
        return protocol::RemoveSemaphoreSet{static_cast<std::int32_t>(below(7))};
      case 3:
      case 4:
        return protocol::RemoveSegment{static_cast<std::int32_t>(below(7))};
      case 5:
        return protocol::RemoveFile{path};
      case 6:
        return protocol::RemoveFile{leftover};
      case 7:
        return protocol::Wake{some_target()};
      case 8:
        return protocol::ContinueProcess{some_target()};
      default:
        return protocol::FlushHeader{some_ids(), path};
    }
  }
  std::int32_t some_target() { return one_in(8) ? -static_cast<std::int32_t>(below(2)) : some_pid(); }

  SimulatedDatagram some_datagram() {
    const pid_t pid = some_pid();
    const std::string path = "/data/" + std::to_string(42 + below(5));
    const std::string leftover = "/served/" + name_of(some_pid());
    auto datagram = machine.datagram_of(pid, encoded(header_of(pid, ++sent), some_request(path, leftover)));
    if (one_in(4)) datagram.sender = "/served/" + name_of(pid);
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
    switch (below(7)) {
      case 0:
        machine.processes.at(pid).alive = false;
        machine.processes.at(pid).zombie = one_in(2);
        break;
      case 1:
        start(pid);
        break;
      case 2:
        machine.files.at(42 + below(3)).ids = some_ids();
        break;
      case 3:
        make_objects(static_cast<std::int32_t>(below(6)));
        break;
      case 4:
        leave_a_name(pid);
        break;
      case 5:
        machine.directory.mode = S_IFDIR | (one_in(4) ? 0755U : 01777U);
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

  // Each reply right after the record of the same datagram, and with its code; records of leftovers only behind a
  // reply to their client.
  void check_journal() const {
    const SimulatedRecord* last = nullptr;
    std::set<pid_t> told;
    for (const auto& act : machine.journal) {
      if (const auto* reply = std::get_if<SimulatedReply>(&act)) {
        ASSERT_NE(last, nullptr) << "a reply without a record";
        ASSERT_EQ(last->pid, reply->client.pid);
        ASSERT_EQ(last->outcome.code, code(*reply));
        ASSERT_NE(last->outcome.verdict, Verdict::dropped);
        told.insert(reply->client.pid);
        last = nullptr;
      }
      const auto* record = std::get_if<SimulatedRecord>(&act);
      if (record == nullptr) continue;
      ASSERT_EQ(record->outcome.code == 0, record->outcome.verdict == Verdict::done);
      if (record->request == "remove-leftover") {
        ASSERT_TRUE(told.contains(*record->pid)) << "a leftover before any reply";
      } else {
        if (last != nullptr) {
          ASSERT_EQ(last->outcome.verdict, Verdict::dropped) << "a record without its reply";
        }
        last = record;
      }
    }
  }

  // Each removal and each signal right before the record that says so; and what was done is what may be done.
  void check_acts() const {
    const SimulatedAct* before = nullptr;
    for (const auto& act : machine.journal) {
      const auto* record = std::get_if<SimulatedRecord>(&act);
      const auto* removal = before != nullptr ? std::get_if<SimulatedRemoval>(before) : nullptr;
      const auto* signal = before != nullptr ? std::get_if<SimulatedSignal>(before) : nullptr;
      if (removal != nullptr || signal != nullptr) {
        ASSERT_NE(record, nullptr) << "an act without a record";
        ASSERT_EQ(record->outcome.verdict, Verdict::done);
      }
      if (removal != nullptr) check_removal(*removal, *record);
      if (signal != nullptr) check_signal(*signal, *record);
      const bool removes = record != nullptr && record->request.starts_with("remove-");
      if (removes && record->outcome.verdict == Verdict::done) {
        ASSERT_NE(removal, nullptr) << "a record of " << record->request << " that was none";
      }
      before = &act;
    }
  }
  static void check_removal(const SimulatedRemoval& removal, const SimulatedRecord& record) {
    if (record.request == "remove-semaphore-set" || record.request == "remove-segment") {
      const std::string kind = record.request == "remove-segment" ? "segment " : "semaphore set ";
      EXPECT_EQ(removal.object, kind + record.object);
      EXPECT_NE(removal.as, 0U) << "as root";
      EXPECT_TRUE(removal.mode == 0666 || removal.as == *record.uid) << "what the client cannot alter";
    } else {
      EXPECT_EQ(removal.object, protocol::last_component(record.object));
      EXPECT_EQ(removal.as, *record.uid);
      EXPECT_EQ(removal.mode & S_IFMT, static_cast<unsigned>(S_IFSOCK));
    }
    EXPECT_EQ(record.owner, removal.owner);
  }
  void check_signal(const SimulatedSignal& signal, const SimulatedRecord& record) const {
    EXPECT_EQ(record.request, signal.signal == SIGALRM ? "wake" : "continue");
    EXPECT_TRUE(signal.signal == SIGALRM || signal.signal == SIGCONT);
    EXPECT_TRUE(births_of_the_installation.contains(signal.birth));
    if (signal.signal == SIGALRM) {
      EXPECT_TRUE(births_that_catch.contains(signal.birth)) << "killed";
    }
  }

  static constexpr pid_t first_pid = 6000;
  static constexpr pid_t pids = 12;
  std::mt19937 random;
  std::uint64_t sent = 0;
  std::uint64_t last_inode = 0;
  std::set<std::uint64_t> births_of_the_installation;
  std::set<std::uint64_t> births_that_catch;
};

TEST_P(BrokerAnyOrder, keeps_its_promises) {
  for (int steps = 0; steps < 20000; ++steps) {
    step();
    ASSERT_NO_FATAL_FAILURE(check_limits());
  }
  while (broker.handle_request(served)) {
  }
  pass(limits::request_deadline + limits::writer_grace);
  machine.settle(broker);
  EXPECT_EQ(broker.parked(), 0U);

  const auto records = machine.records();
  const auto count = [&](auto matches) { return static_cast<std::size_t>(std::ranges::count_if(records, matches)); };
  const auto count_done = [&](const std::string& request) {
    return count([&](const SimulatedRecord& record) {
      return record.outcome.verdict == Verdict::done && record.request == request;
    });
  };
  const auto leftovers = count([](const SimulatedRecord& record) { return record.request == "remove-leftover"; });
  EXPECT_EQ(records.size() - leftovers, sent) << "one record for each datagram";
  ASSERT_NO_FATAL_FAILURE(check_journal());
  ASSERT_NO_FATAL_FAILURE(check_acts());
  // Every change of a header is a flush that was told so.
  const std::size_t flushes = count_done("flush-header-open") + count_done("flush-header-close");
  EXPECT_EQ(machine.header_writes().size(), flushes + machine.events().size());
  EXPECT_FALSE(machine.writes_overlapped());
  for (const char* request : {"flush-header-open", "flush-header-close", "remove-semaphore-set", "remove-segment",
                              "remove-file", "remove-leftover", "wake", "continue"}) {
    EXPECT_GT(count_done(request), 0U) << "the run is no test of " << request;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BrokerAnyOrder, testing::Range(1U, 11U));

}  // namespace
}  // namespace secshr
