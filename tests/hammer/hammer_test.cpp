// Hostile processes of three users do to the real broker whatever comes into their seeds, as fast as it goes, while a
// client of another user does real work. Nobody ends, hangs or grows, no answer is wrong, nothing happens that the
// log does not tell of, and nothing is told of that did not happen.
//
// SECSHR_HAMMER_SECONDS is for how long all of these together go on, SECSHR_HAMMER_SEED what their choices are made
// from: the same seed has each process do the same again, though what it meets depends on the others.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <random>
#include <set>

#include "counters/read_counters.h"
#include "secshr/limits.h"
#include "tests/hammer/accounting.h"
#include "tests/hammer/arena.h"
#include "tests/hammer/battlefield.h"
#include "tests/hammer/good_client.h"
#include "tests/hammer/hostile_process.h"
#include "tests/hammer/log_tail.h"
#include "tests/hammer/protected_objects.h"
#include "tests/hammer/vital_signs.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/next_number.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

#ifdef SECSHR_SANITIZED
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

constexpr std::uint64_t default_seconds = is_sanitized ? 12 : 24;
constexpr std::uint64_t scenarios = 3;
// Between two looks at everything, for which all have to wait.
constexpr seconds longest_round{10};
constexpr milliseconds shortest_round{1000};
// Of broker and helpers together, after they have been through all of it for a while: what the allocator keeps.
constexpr long kilobytes_of_growth = 256;
// Of processes: the hostile ones', so that numbers come again soon.
constexpr pid_t first_pid_again = 400;

const std::string no_limits =
    "[restrict]\nrequests_per_second_per_uid = 1000000\nrequests_per_second = 1000000\n"
    "refusals_per_second_per_uid = 1000000\n";
const std::string page = "/run/secshr/test/counters";

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  EXPECT_TRUE(end != text && *end == '\0' && number > 0) << variable << "=" << text;
  return number;
}

class Hammer : public BrokerTest {
 protected:
  inline static const std::string program = distribution + "/mumps";
  inline static const std::string other_program = "/mnt/test/plain/mumps";

  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    seed_ = number_from("SECSHR_HAMMER_SEED", std::random_device{}());
    time_ = milliseconds(1000 * number_from("SECSHR_HAMMER_SECONDS", default_seconds) / scenarios);
    std::cout << "seed " << seed_ << "\n" << std::flush;  // also where nothing else is said any more
    // Before the start: the broker knows the programs that it saw then.
    install_built("tests/sleeper", program, 0755);
    install_built("tests/sleeper", other_program, 0755);
  }
  void TearDown() override {
    end_hostile_processes();
    protected_.reset();
    good_.reset();
    Arena::release(arena_);
    BrokerTest::TearDown();
  }

  void begin(bool takeovers) {
    broker_ = serve();
    (void)wait_for_processes();
    field_.users = {first_user, second_user, third_user, first_user, second_user, third_user};
    auto people = field_.users;
    people.insert(people.end(), {good_user, colleague_user});
    accounting_ = std::make_unique<Accounting>(people);
    for (const auto& entry : std::filesystem::directory_iterator(tmp))
      accounting_->made_name(entry.path().filename());
    field_.server = server_in();
    field_.databases = data;
    field_.shared_database = data + "/shared.dat";
    field_.takeovers = takeovers;
    for (const auto& entry : std::filesystem::recursive_directory_iterator("/run/secshr")) {
      if (entry.path().filename() == "control") field_.control = entry.path();
    }
    ASSERT_NE(field_.control, "");
    write_file(field_.shared_database, DatabaseImage{}.text(), 0444, colleague_user.uid, team);
    accounting_->watch_header(field_.shared_database);
    good_ = std::make_unique<GoodClient>(server_in(), program, *accounting_, seed_);
    protected_ = std::make_unique<ProtectedObjects>(*good_, *accounting_, program, other_program);
    protected_->tell(field_);
    good_->ping();
    fresh_ = vital_signs();
    for (const Identity& user : field_.users) make_directory(field_.directory_of(user.uid), 0755, user.uid, user.gid);
    arena_ = Arena::make();
    Random seeds(seed_);
    for (std::size_t index = 0; index < field_.users.size(); ++index) {
      hostile_.push_back(start_hostile_process(field_, *arena_, index, seeds.next()));
    }
  }

  // All go on for so long, and then all that is left is looked at.
  void play_round(milliseconds time) {
    arena_->go_on();
    const auto end = steady_clock::now() + time;
    while (steady_clock::now() < end && !HasFailure()) {
      (void)choose_next_pid(first_pid_again);
      good_->work();
      accounting_->look_at_headers();
    }
    pause();
    account();
    expect_no_faults();
  }
  void pause() {
    arena_->pause();
    const auto patience = steady_clock::now() + seconds(60);
    while (!arena_->all_wait(hostile_.size()) && steady_clock::now() < patience) pause_briefly();
    ASSERT_TRUE(arena_->all_wait(hostile_.size())) << "somebody hangs";
    for (const pid_t pid : hostile_) ASSERT_TRUE(is_running(pid)) << "a hostile process has ended";
    good_->ping();
    EXPECT_TRUE(eventually([] {
      const auto counters = read_counters(page);
      return counters && counters->parked == 0;
    })) << "somebody waits who is not there any more";
  }
  void account() {
    settle_log();
    for (const JournalEntry& entry : arena_->take_journal()) accounting_->note(entry);
    note_lines();
    accounting_->compare();
    protected_->expect_untouched();
    // Their own messages to the system log are many, and are held against its grammar here.
    (void)system_log();
    (void)broker_messages();
  }
  void note_lines() {
    for (const LogRecord& line : tail_.take()) accounting_->note(line);
  }
  void expect_no_faults() const {
    for (std::size_t index = 0; index < hostile_.size(); ++index) {
      const Tally& tally = arena_->tallies[index];
      EXPECT_FALSE(tally.has_fault.load()) << "hostile process " << index << ": " << tally.fault.data();
    }
  }
  // Besides the broker's there are only those that were made.
  void expect_no_other_processes() const {
    std::set<pid_t> known(hostile_.begin(), hostile_.end());
    known.insert(protected_->processes().begin(), protected_->processes().end());
    known.insert({good_->client_pid(), good_->colleague().pid()});
    std::vector<pid_t> others;
    EXPECT_TRUE(eventually([&] {
      others = all_other_processes();
      const auto brokers = find_broker_processes().all();
      std::erase_if(others, [&](pid_t pid) { return known.contains(pid) || std::ranges::count(brokers, pid) > 0; });
      return others.empty() && vital_signs().zombies.empty();
    })) << "left over: "
        << testing::PrintToString(others) << ", zombies " << testing::PrintToString(vital_signs().zombies);
  }

  // As many requests wait as ever can, so that no page of their table is new later.
  static void fill_the_table() {
    const auto lookers = find_broker_processes().lookers;
    stop(lookers);
    EXPECT_TRUE(eventually([] {
      const auto counters = read_counters(page);
      return counters && counters->parked_most == limits::parked_exchanges;
    }));
    resume(lookers);
  }

  // The first third is to warm up: what grows after that grows for good.
  void expect_it_to_withstand() {
    const auto round_time = std::clamp<milliseconds>(time_ / 6, shortest_round, longest_round);
    const auto began = steady_clock::now();
    VitalSigns warm;
    fill_the_table();
    for (milliseconds played{0}; played < time_ && !HasFailure(); played += round_time) {
      play_round(round_time);
      expect_no_other_processes();
      EXPECT_TRUE(eventually([&] { return vital_signs().descriptors == fresh_.descriptors; }))
          << "at first: " << fresh_ << ", now: " << vital_signs();
      const VitalSigns now = vital_signs();
      if (played < time_ / 3) {
        warm = now;
        continue;
      }
      if (!is_sanitized) {
        EXPECT_LE(now.kilobytes, warm.kilobytes + kilobytes_of_growth) << "then: " << warm << ", now: " << now;
      }
    }
    EXPECT_EQ(lock_holder(), broker_) << "another broker";
    EXPECT_EQ(find_broker_processes().brokers, std::vector<pid_t>{broker_});
    std::cout << "memory of all: " << warm.kilobytes << " KiB when warm, " << vital_signs().kilobytes
              << " KiB at the end; descriptors of all: " << vital_signs().all_descriptors() << "\n";
    report(steady_clock::now() - began);
    end_broker();
    expect_each_datagram_once();
  }

  void end_broker() {
    end_hostile_processes();
    ASSERT_EQ(::kill(broker_, SIGTERM), 0);
    EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
    note_lines();
    EXPECT_EQ(accounting_->sum().events.at("ended"), 1U);
  }
  // The kernel took it, the broker counted it, and the log tells of it.
  void expect_each_datagram_once() const {
    const auto counters = read_counters(page);
    ASSERT_TRUE(counters.has_value());
    std::uint64_t sent = good_->requests();
    std::uint64_t unsure = 0;
    for (const Tally& tally : arena_->tallies) {
      sent += tally.datagrams.load();
      unsure += tally.killed.load();
    }
    EXPECT_GE(counters->datagrams, sent);
    EXPECT_LE(counters->datagrams, sent + unsure);
    RequestCounts all;
    for (const RequestCounts& counts : counters->requests) {
      all.done += counts.done;
      all.refused += counts.refused;
      all.failed += counts.failed;
    }
    EXPECT_EQ(counters->datagrams, all.done + all.refused + all.failed + counters->dropped);
    const Accounting::Sum& sum = accounting_->sum();
    EXPECT_EQ(all.done, sum.done + sum.served);
    // Of what was not done lines may be lost, by number, where they come faster than they are written. Leftovers that
    // could not be removed are no requests, and are told of all the same.
    const std::uint64_t not_done = all.refused + all.failed + counters->dropped;
    const std::uint64_t told = sum.refused + sum.failed + sum.dropped + sum.withheld + counters->log_lines_lost;
    EXPECT_GE(told, not_done);
    EXPECT_LE(told, not_done + sum.leftovers);
    EXPECT_EQ(counters->leftovers_removed,
              sum.changes.contains("remove-leftover") ? sum.changes.at("remove-leftover") : 0);
    EXPECT_EQ(counters->parked, 0U);
  }

  // And that there was a hammer at all.
  void report(steady_clock::duration time) const {
    std::uint64_t sent = 0;
    std::uint64_t replies = 0;
    std::uint64_t killed = 0;
    std::map<std::string, std::uint64_t> acts;
    for (std::size_t index = 0; index < hostile_.size(); ++index) {
      const Tally& tally = arena_->tallies[index];
      sent += tally.datagrams.load();
      replies += tally.replies.load();
      killed += tally.killed.load();
      for (std::size_t act = 0; act < hostile_acts; ++act) acts[hostile_act_names[act]] += tally.acts[act].load();
    }
    auto latencies = good_->latencies();
    ASSERT_FALSE(latencies.empty());
    std::ranges::sort(latencies);
    EXPECT_LT(latencies[latencies.size() * 99 / 100], 1'000'000) << "of a hundred answers one is late";
    const auto at = [&](double part) {
      return latencies[static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1))];
    };
    const double took = std::chrono::duration<double>(time).count();
    std::cout << sent << " hostile datagrams in " << took << " s (" << static_cast<double>(sent) / took
              << " a second), " << replies << " replies read, " << killed << " processes killed\n"
              << "the other user's " << latencies.size() << " answers: half within " << at(0.5) << " us, 99% within "
              << at(0.99) << " us, all within " << latencies.back() << " us\nacts:";
    for (const auto& [act, count] : acts) {
      if (!act.empty()) std::cout << " " << act << " " << count;
    }
    std::cout << "\nchanges in the log:";
    for (const auto& [request, count] : accounting_->sum().changes) std::cout << " " << request << " " << count;
    std::cout << "\n";
    for (const char* const change : {"remove-semaphore-set", "remove-segment", "remove-file", "remove-leftover",
                                     "flush-header-open", "flush-header-close"}) {
      EXPECT_TRUE(accounting_->sum().changes.contains(change)) << "nobody came as far as a " << change;
    }
    for (std::size_t act = 0; *hostile_act_names[act] != '\0'; ++act) {
      EXPECT_GT(acts.at(hostile_act_names[act]), 0U) << hostile_act_names[act];
    }
  }

  void end_hostile_processes() {
    for (const pid_t pid : hostile_) {
      (void)::kill(pid, SIGKILL);
      (void)::waitpid(pid, nullptr, 0);
    }
    hostile_.clear();
  }

  std::uint64_t seed_ = 0;
  milliseconds time_{0};
  pid_t broker_ = -1;
  Battlefield field_;
  Arena* arena_ = nullptr;
  std::unique_ptr<Accounting> accounting_;
  std::unique_ptr<GoodClient> good_;
  std::unique_ptr<ProtectedObjects> protected_;
  LogTail tail_;
  std::vector<pid_t> hostile_;
  VitalSigns fresh_;  // when nobody had asked for anything yet
};

TEST_F(Hammer, is_withstood_by_a_broker_that_limits_nobody) {
  configure({}, no_limits);
  begin(false);
  expect_it_to_withstand();
}

TEST_F(Hammer, is_withstood_with_the_limits_of_an_installation) {
  configure({}, {});
  begin(false);
  expect_it_to_withstand();
}

// Where hostile users have new brokers started all the time, nobody else notices, and the last one is as good as the
// first.
TEST_F(Hammer, is_withstood_by_brokers_that_take_each_others_place) {
  configure({}, no_limits);
  begin(true);
  const auto began = steady_clock::now();
  const auto round_time = std::clamp<milliseconds>(time_ / 3, shortest_round, longest_round);
  for (milliseconds played{0}; played < time_ && !HasFailure(); played += round_time) play_round(round_time);
  report(steady_clock::now() - began);
  end_hostile_processes();
  // Former brokers have some seconds to leave.
  const auto patience = steady_clock::now() + seconds(20);
  while (find_broker_processes().brokers.size() > 1 && steady_clock::now() < patience) pause_briefly();
  const auto found = wait_for_processes();
  ASSERT_EQ(found.brokers.size(), 1U);
  broker_ = found.brokers.front();
  EXPECT_EQ(lock_holder(), broker_);
  EXPECT_EQ(read_counters(page)->broker_pid, static_cast<std::uint64_t>(broker_));
  EXPECT_LE(descriptors_of(broker_).size(), 512U);
  good_->ping();
  account();
  expect_no_other_processes();
  const auto& events = accounting_->sum().events;
  ASSERT_TRUE(events.contains("started") && events.contains("ended"));
  EXPECT_GT(events.at("ended"), 0U) << "nobody took anybody's place";
  EXPECT_EQ(events.at("started"), events.at("ended") + 1) << "each but the last has ended in order";
  std::cout << "takeovers: " << events.at("ended") << "\n";
}

}  // namespace
}  // namespace secshr::test
