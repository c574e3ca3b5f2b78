#include "tests/integration/failed_service_fixture.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <utility>

#include "protocol/encode_reply.h"
#include "secshr/audit/logfmt.h"
#include "secshr/limits.h"
#include "tests/integration/ipc_objects.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned attempts = 5;
// Where the broker's offset of the sequence number is.
constexpr std::size_t sequence_offset = 16;

Bytes numbered(Bytes datagram, std::uint64_t sequence) {
  for (std::size_t byte = 0; byte < 8 && sequence_offset + byte < datagram.size(); ++byte) {
    datagram[sequence_offset + byte] = static_cast<std::byte>(sequence >> (8 * byte));
  }
  return datagram;
}

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

// A client's socket file, gone with the client.
class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)) {}
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile() { (void)::unlink(path_.c_str()); }

 private:
  std::string path_;
};

std::vector<pid_t> zombies() {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    const auto status = status_of(std::stoi(name));
    const bool is_ours = status.contains("Name") && status.at("Name").starts_with("secshrd");
    if (is_ours && status.at("State").starts_with('Z')) found.push_back(std::stoi(name));
  }
  return found;
}

// Exactly those that there should be.
bool is_full(const BrokerProcesses& found) {
  return found.complete() && found.lookers.size() == limits::looker_workers &&
         found.writers.size() == limits::writer_workers && found.recorders.size() == 1 && found.watchers.empty();
}

// What a fault of the operating system's may turn the answer into, besides its own error.
bool is_documented(int code) {
  constexpr int codes[] = {0, EPERM, EBUSY, EINVAL, ESRCH, ENOENT, ETIMEDOUT, EIO, 0x8000, 0x8001};
  return std::ranges::find(codes, code) != std::end(codes);
}

}  // namespace

void FailedServiceTest::SetUp() {
  BrokerTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  install_built("tests/sleeper", program, 0755);
  maker_ = connect(second_user);
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
}

void FailedServiceTest::TearDown() {
  maker_.reset();
  if (why_no_private_world().empty()) kill_other_processes();
  (void)system_log();
  (void)broker_messages();
  BrokerTest::TearDown();
}

bool FailedServiceTest::is_stopped(pid_t pid) {
  const auto status = status_of(pid);
  return status.contains("State") && status.at("State").starts_with('T');
}

pid_t FailedServiceTest::start_sleeper(const std::string& alarm) {
  const pid_t pid = start_as(second_user, {program, {"mumps", alarm}, {}, {}}).pid();
  EXPECT_TRUE(eventually([pid] { return is_stopped(pid); }));
  sleepers_.push_back(pid);
  return pid;
}

std::vector<Subject> FailedServiceTest::subjects() {
  const auto found = find_broker_processes();
  std::vector<Subject> all;
  const auto add = [&](const std::vector<pid_t>& pids, Part part) {
    for (const pid_t pid : pids) all.push_back({pid, part});
  };
  add(found.brokers, Part::broker);
  add(found.lookers, Part::a_looker);
  add(found.writers, Part::a_writer);
  add(found.recorders, Part::a_recorder);
  return all;
}

void FailedServiceTest::become_whole() {
  if (!lock_holder() || !is_full(find_broker_processes())) {
    (void)serve(first_user);
    (void)wait_for_processes();
    EXPECT_TRUE(eventually([] { return is_full(find_broker_processes()); }));
  }
  broker_ = lock_holder().value_or(-1);
  descriptors_ = descriptors_of(broker_);
}

// The same broker with what it had, or another one; and nothing of a former one.
void FailedServiceTest::expect_whole(const FileState& before) {
  // One whose helper has given up has ended by itself, and been replaced where somebody asked.
  EXPECT_TRUE(eventually([] {
    const auto found = find_broker_processes();
    return is_full(found) || found.all().empty();
  })) << "helpers are missing";
  if (!lock_holder()) (void)serve(third_user);
  EXPECT_TRUE(eventually([] { return is_full(find_broker_processes()); })) << "helpers are missing";
  EXPECT_TRUE(eventually([] { return zombies().empty(); })) << testing::PrintToString(zombies());
  const pid_t now = lock_holder().value_or(-1);
  if (now != broker_) {
    ++counts_.brokers_ended;
  } else {
    EXPECT_TRUE(eventually([&] { return descriptors_of(now) == descriptors_; }))
        << testing::PrintToString(descriptors_of(now)) << " instead of " << testing::PrintToString(descriptors_);
  }
  for (const pid_t worker : find_broker_processes().lookers) {
    EXPECT_TRUE(eventually([&] { return descriptors_of(worker).size() <= 4; }));
  }
  for (const pid_t worker : find_broker_processes().writers) {
    EXPECT_TRUE(eventually([&] { return descriptors_of(worker).size() <= 4; }));
  }
  const FileState after = state_of(database);
  EXPECT_EQ(after.mode, before.mode);
  EXPECT_EQ(after.uid, before.uid);
}

void FailedServiceTest::expect_others_are_served() {
  const auto other = connect(third_user);
  const SocketFile file(tmp + "/" + other->socket_name());
  for (unsigned attempt = 1; attempt <= attempts; ++attempt) {
    const int error = other->send(server_in(), numbered(datagram(*other, protocol::Ping{}), attempt));
    if (error == ENOENT || error == ECONNREFUSED) {
      (void)start(third_user);
      continue;
    }
    EXPECT_EQ(error, 0);
    const auto holder = lock_holder();
    while (lock_holder() == holder && holder) {
      if (const auto received = other->receive(100ms)) {
        const auto reply = protocol::decode_reply(*received);
        EXPECT_TRUE(reply && reply->code() == 0);
        return;
      }
    }
    if (other->receive(20ms)) return;
  }
  ADD_FAILURE() << "others are not served";
}

// Of what has come into the log for this fault.
std::size_t FailedServiceTest::records_of(const Client& client) const {
  const std::string text = exists(log_file) ? read_file(log_file) : std::string();
  const std::string wanted = " pid=" + std::to_string(client.pid()) + " ";
  std::size_t count = 0;
  for (auto at = text.find(wanted, log_read_); at != std::string::npos; at = text.find(wanted, at + 1)) ++count;
  return count;
}

Heard FailedServiceTest::ask(Client& client, const Bytes& datagram, bool is_answered) {
  Heard heard;
  for (unsigned attempt = 1; attempt <= attempts; ++attempt) {
    const auto holder = lock_holder();
    const Bytes bytes = numbered(datagram, attempt);
    const int error = client.send(server_in(), bytes);
    if (error == ENOENT || error == ECONNREFUSED) {
      heard.found_nobody = true;
      (void)start(first_user);
      continue;
    }
    EXPECT_EQ(error, 0);
    ++heard.sent;
    const auto began = Clock::now();
    const auto patience = is_answered ? limits::request_deadline + 1500ms : std::chrono::milliseconds(150);
    bool have_others_asked = false;
    while (Clock::now() - began < patience) {
      const auto received = client.receive(20ms);
      if (received) {
        const auto reply = protocol::decode_reply(*received);
        EXPECT_TRUE(reply.has_value());
        if (!reply) continue;
        heard.codes.push_back(reply->code());
        // A late one is of an earlier attempt.
        if (reply->header.sequence == attempt || bytes.size() < protocol::header_size) return heard;
        continue;
      }
      if (!is_answered) continue;
      // As libsecshr does, which looks whether an answer can still come; and what is recorded is not waited for any
      // more: the answer is lost.
      if (lock_holder() != holder || (have_others_asked && records_of(client) >= heard.sent)) break;
      if (!have_others_asked && Clock::now() - began > 80ms) {
        have_others_asked = true;
        expect_others_are_served();
      }
    }
    if (!is_answered) return heard;
    ++heard.unanswered;
  }
  return heard;
}

FailedServiceTest::LogNews FailedServiceTest::read_news() {
  settle_log();
  LogNews news;
  if (!exists(log_file)) return news;
  const std::string text = read_file(log_file);
  std::istringstream lines(text.substr(std::min(log_read_, text.size())));
  log_read_ = text.size();
  EXPECT_TRUE(text.ends_with('\n')) << "the log ends in the middle of a line";
  for (std::string line; std::getline(lines, line);) {
    const auto fields = parse_log_line(line);
    const LogRecord record = fields ? LogRecord(fields->begin(), fields->end()) : LogRecord{};
    if (record.contains("us")) {
      news.records.push_back(record);
    } else if (record.contains("event") && record.at("event") == "log-lost") {
      news.lost += std::stoul(record.at("lines"));
    } else if (!record.contains("event")) {
      ++news.cut;
    }
  }
  return news;
}

// One for each datagram that was answered, and for none that was not taken. What could not be written was counted.
void FailedServiceTest::expect_records(const Client& client, const Heard& heard, const std::optional<Fault>& fault,
                                       bool has_ended) {
  const auto news = read_news();
  std::set<std::string> seen;
  std::size_t records = 0;
  bool is_twice = false;
  for (const LogRecord& record : news.records) {
    if (record.at("pid") != std::to_string(client.pid()) || record.contains("late")) continue;
    if (record.at("req") == "remove-leftover") continue;
    if (!seen.insert(record.at("ts") + record.at("seq")).second) {
      is_twice = true;
      continue;
    }
    ++records;
  }
  counts_.lines_lost += news.lost;
  const bool is_of_recorder = fault && fault->call.kind.part == Part::a_recorder;
  EXPECT_TRUE(!is_twice || is_of_recorder) << "a line is there twice";
  EXPECT_LE(news.cut, is_of_recorder && fault->most_bytes ? 1U : 0U) << "a line that was cut";
  EXPECT_LE(records, heard.sent) << "more records than requests";
  // Where nobody writes it any more the broker says at its end how many lines it lacks, and ends.
  std::size_t lost = news.lost;
  const std::string lacking = "lost-lines ";
  for (const auto& message : broker_messages()) {
    const auto at = message.find(lacking);
    if (at != std::string::npos) lost += std::stoul(message.substr(at + lacking.size()));
  }
  EXPECT_GE(records + lost, heard.codes.size()) << "an answer of which the log knows nothing";
  if (!is_of_recorder && !has_ended && !news.lost && heard.unanswered == 0 && heard.codes.size() == 1) {
    EXPECT_EQ(records, 1U);
  }
}

void FailedServiceTest::end_broker() {
  for (const pid_t pid : find_broker_processes().brokers) (void)::kill(pid, SIGTERM);
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
}

void FailedServiceTest::clean_up() {
  for (const pid_t sleeper : sleepers_) {
    (void)::kill(sleeper, SIGKILL);
    (void)::waitpid(sleeper, nullptr, 0);
  }
  sleepers_.clear();
  const IpcListing left = all_ipc_objects();
  for (const auto& set : left.sets) remove_set(set.first);
  for (const auto& segment : left.segments) remove_segment(segment.first);
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
  (void)system_log();
  (void)broker_messages();
}

bool FailedServiceTest::try_fault(const Arrange& arrange, const std::string& suffix,
                                  const std::optional<Fault>& fault) {
  become_whole();
  (void)read_news();
  Client client(first_user);
  std::string path = tmp + "/" + client.socket_name();
  path += suffix;
  const SocketFile own(path);
  EXPECT_EQ(client.bind(path), 0);
  const Asked asked = arrange(client);
  const IpcListing objects = all_ipc_objects();
  const auto names = names_in(tmp);
  const FileState before = state_of(database);
  Heard heard;
  bool was_disturbed = false;
  bool has_ended = false;
  {
    const Disturbance disturbance(subjects(), fault);
    heard = ask(client, asked.datagram, asked.is_answered);
    disturbance.rest();
    was_disturbed = disturbance.was_disturbed();
    if (!fault) recorded_ = disturbance.made();
    for (const int signal : disturbance.deaths()) {
      EXPECT_TRUE(signal == SIGABRT || signal == SIGKILL) << "somebody died of signal " << signal;
    }
  }
  has_ended = lock_holder() != broker_;
  expect_others_are_served();

  // The answer, and what was done.
  EXPECT_EQ(heard.codes.empty(), !asked.is_answered);
  const int code = heard.codes.empty() ? -1 : heard.codes.back();
  // Whoever has ended holds nothing any more, and that there is no such process is the kernel's word.
  const bool is_told_of_an_end =
      fault && fault->call.kind.number == SYS_pidfd_open && fault->error == ESRCH && !fault->most_bytes;
  for (const int each : heard.codes) {
    EXPECT_TRUE(is_documented(each) || (fault && each == fault->error)) << "the answer is " << each;
    EXPECT_TRUE(each != 0 || asked.code == 0 || is_told_of_an_end) << "granted what must be refused";
  }
  if (asked.is_done) {
    const bool is_done = asked.is_done_by_the_answer || code != 0 || fault
                             ? asked.is_done()
                             : eventually([&] { return asked.is_done(); });
    EXPECT_TRUE(is_done || !asked.is_done_by_the_answer || code != 0 || (fault && says_that_it_is_gone(*fault)))
        << "told that it is done";
    EXPECT_FALSE(is_done && (asked.code != 0 || !asked.is_answered) && !is_told_of_an_end)
        << "done, and must be refused";
    // Done, and the word of it was lost: the client has asked again, and may have been told that there is nothing.
    if (is_done && asked.code == 0 && std::ranges::find(heard.codes, 0) == heard.codes.end()) {
      // Or the writer that did it could not say so, and nobody knows: that is what ETIMEDOUT means of a flush.
      const bool is_unknown = fault && fault->call.kind.part == Part::a_writer && code == ETIMEDOUT;
      EXPECT_TRUE(heard.unanswered > 0 || is_unknown) << "told that it is not done: " << code;
    }
  }
  if (!fault || is_to_be_heeded(*fault)) {
    EXPECT_EQ(code, asked.is_answered ? asked.code : -1);
    EXPECT_EQ(heard.sent, 1U);
    EXPECT_FALSE(has_ended);
  }
  if (asked.is_answered && code != asked.code) ++counts_.other_answers;
  if (heard.sent > 1) ++counts_.asked_again;
  if (fault && is_every_system_call_wanted() && (heard.sent > 1 || has_ended || code != asked.code)) {
    std::cout << *fault << ": sent " << heard.sent << ", answers " << testing::PrintToString(heard.codes)
              << (has_ended ? ", broker ended" : "") << "\n"
              << std::flush;
  }

  // Nothing else has changed.
  IpcListing wanted = objects;
  if (asked.set && !set_exists(*asked.set)) wanted.sets.erase(*asked.set);
  if (asked.segment && !segment_exists(*asked.segment)) wanted.segments.erase(*asked.segment);
  EXPECT_EQ(all_ipc_objects(), wanted);
  auto left = names;
  const auto names_now = names_in(tmp);
  std::erase_if(left,
                [&](const std::string& name) { return asked.sockets.contains(name) && !names_now.contains(name); });
  EXPECT_EQ(names_now, left);

  expect_whole(before);
  expect_records(client, heard, fault, has_ended);
  for (const auto& name : asked.sockets) (void)fs::remove(fs::path(tmp) / name);
  clean_up();
  return was_disturbed;
}

void FailedServiceTest::try_all(std::size_t calls, const std::vector<Fault>& all, std::size_t sample,
                                const std::function<bool(const Fault&)>& is_made) {
  const auto faults = sample_of(all, sample);
  std::size_t made = 0;
  for (const Fault& fault : faults) {
    SCOPED_TRACE(testing::PrintToString(fault));
    made += is_made(fault) ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(faults.size(), 2U);
  // How often some calls are made depends on who is faster.
  EXPECT_GT(made, faults.size() / 2) << "most calls are not made any more";
  std::cout << calls << " calls, " << all.size() << " faults, " << faults.size() << " tried, " << made << " made; "
            << counts_.other_answers << " other answers, " << counts_.asked_again << " asked again, "
            << counts_.lines_lost << " lines lost and counted, " << counts_.brokers_ended << " brokers ended"
            << "\n"
            << std::flush;
}

void FailedServiceTest::try_each_fault_of(const Arrange& arrange, std::size_t sample, const std::string& suffix) {
  (void)try_fault(arrange, suffix, std::nullopt);
  ASSERT_FALSE(HasFailure()) << "without any fault";
  const auto calls = recorded_;
  const auto all = every_fault_of(calls, {Part::broker, Part::a_looker, Part::a_writer, Part::a_recorder});
  try_all(calls.size(), all, sample, [&](const Fault& fault) { return try_fault(arrange, suffix, fault); });
}

}  // namespace secshr::test
