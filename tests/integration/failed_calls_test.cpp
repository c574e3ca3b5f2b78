// A start one of whose system calls fails, in any of its processes: it serves with exactly the privileges that it
// should have, or it says that it does not, and why, and nothing of it is left. Whatever it was, the next start
// works.
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/integration/disturbed_start.h"
#include "tests/integration/disturbed_start_fixture.h"
#include "tests/integration/system_call_faults.h"

namespace secshr::test {
namespace {

const std::string taken_over = "/mnt/test/taken-over";

// The wrapper's child does without these: where they are not permitted, things stay as they are.
bool is_dispensable(const CallKind& kind) {
  if (kind.part != Part::wrapper_child) return false;
  if (kind.number == SYS_prctl) return kind.what == PR_SET_TIMERSLACK || kind.what == PR_SET_TSC;
  constexpr auto numbers =
      std::to_array<long>({SYS_sched_setscheduler, SYS_setpriority, SYS_sched_setaffinity, SYS_ioprio_set,
                           SYS_personality, SYS_keyctl, SYS_openat, SYS_write, SYS_close});
  return std::ranges::find(numbers, kind.number) != numbers.end();
}

// What a broker and its helpers live by once they serve: without it they end, and the next start serves.
bool is_lived_by(const CallKind& kind) {
  const bool is_process_that_serves = kind.part == Part::starter || kind.part == Part::looker ||
                                      kind.part == Part::writer || kind.part == Part::recorder;
  return is_process_that_serves && (kind.number == SYS_poll || kind.number == SYS_recvmsg);
}

// The wrapper has heard nothing, or cannot hear: the broker serves all the same.
bool loses_the_word(const MadeCall& call) {
  if (call.kind.part == Part::wrapper_itself) return call.kind.number == SYS_read || call.kind.number == SYS_close;
  return call.kind.part == Part::starter && call.kind.number == SYS_sendto;
}

class BrokerFailedCall : public DisturbedStartTest {
 protected:
  static void expect_pinned(const Ending& wrapper) {
    EXPECT_FALSE(wrapper.by_signal) << wrapper;
    EXPECT_LE(wrapper.code, static_cast<int>(StartStatus::not_adopted));
    EXPECT_NE(wrapper.code, 6);
  }

  static void expect_reason() {
    const bool is_said = !system_log().empty() ||
                         std::ranges::any_of(events(), [](const auto& e) { return e.at("event") == "start-failed"; });
    EXPECT_TRUE(is_said) << "nobody says why";
  }

  static DisturbedStart run_with(const Fault& fault, const Identity& user, const std::string& directory) {
    return run_with_failure(user, start_command(directory), {fault.call.kind, fault.occurrence}, fault.error,
                            fault.times);
  }

  static bool expect_all_or_nothing(const Fault& fault) {
    forget_former_starts();
    const DisturbedStart disturbed = run_with(fault, first_user, tmp);
    expect_pinned(disturbed.wrapper);
    if (disturbed.wrapper == ending_of(StartStatus::serving)) expect_that_nobody_serves_as_root();
    const bool is_served = settle();
    EXPECT_TRUE(!is_dispensable(fault.call.kind) || is_served) << "it could have done without";
    if (disturbed.wrapper != ending_of(StartStatus::serving)) {
      expect_reason();
      EXPECT_TRUE(!is_served || loses_the_word(fault.call)) << "it serves and does not say so";
    } else {
      EXPECT_TRUE(is_served || is_lived_by(fault.call.kind)) << "it says that it serves and does not";
    }
    if (is_served) expect_serving();
    expect_that_the_next_start_works();
    return disturbed.was_disturbed;
  }

  // Every directory is served, or will be when somebody comes who wants it to be.
  static bool expect_a_takeover_or_none(const Fault& fault) {
    forget_former_starts();
    (void)serve(first_user, tmp);
    const DisturbedStart disturbed = run_with(fault, second_user, taken_over);
    expect_pinned(disturbed.wrapper);
    if (disturbed.wrapper == ending_of(StartStatus::serving)) expect_that_nobody_serves_as_root();
    const bool is_served = settle();
    if (disturbed.wrapper != ending_of(StartStatus::serving)) {
      expect_reason();
    } else if (is_served) {
      expect_serving(taken_over);
    } else {
      EXPECT_TRUE(is_lived_by(fault.call.kind)) << "it says that it serves and does not";
    }
    // As stock clients do that find nobody.
    (void)serve(first_user, tmp);
    (void)serve(second_user, taken_over);
    expect_serving(tmp);
    expect_serving(taken_over);
    EXPECT_TRUE(settle());
    return disturbed.was_disturbed;
  }

  // `check` says whether the call was made at all: how often some are made depends on who is faster.
  template <typename Check>
  static void try_each(const std::vector<Fault>& faults, const Check& check) {
    EXPECT_GT(faults.size(), 5U);
    std::size_t made = 0;
    for (const Fault& fault : faults) {
      SCOPED_TRACE(testing::PrintToString(fault));
      made += check(fault) ? 1 : 0;
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(made, faults.size() / 2);
  }

  static std::vector<MadeCall> record_cold_start() {
    forget_former_starts();
    return record_start(first_user, start_command());
  }
};

TEST_F(BrokerFailedCall, of_the_wrapper_is_told_and_changes_nothing) {
  const auto calls = record_cold_start();
  auto faults = faults_of(calls, {Part::wrapper_itself});
  // What is done before main is the C library's, which ends the process in its own ways.
  const auto first_of_main = std::ranges::find_if(calls, [](const MadeCall& call) {
    return call.kind.part == Part::wrapper_itself && call.kind.number == SYS_close_range;
  });
  const auto before_main = static_cast<std::size_t>(first_of_main - calls.begin());
  std::erase_if(faults, [&](const Fault& fault) { return fault.position < before_main; });
  try_each(sample_of(faults, 12), expect_all_or_nothing);
}

TEST_F(BrokerFailedCall, of_the_wrappers_child_is_told_or_done_without) {
  try_each(sample_of(faults_of(record_cold_start(), {Part::wrapper_child}), 12), expect_all_or_nothing);
}

TEST_F(BrokerFailedCall, of_the_starter_leaves_a_broker_with_its_privileges_or_none) {
  try_each(sample_of(faults_of(record_cold_start(), {Part::starter}), 40), expect_all_or_nothing);
}

TEST_F(BrokerFailedCall, of_a_helper_leaves_a_broker_with_its_privileges_or_none) {
  try_each(sample_of(faults_of(record_cold_start(), {Part::looker, Part::first_looker, Part::writer,
                                                     Part::first_writer, Part::recorder, Part::first_recorder}),
                     25),
           expect_all_or_nothing);
}

// What a cold start does, too, comes in both: what must be undone is more.
TEST_F(BrokerFailedCall, of_a_starter_that_takes_over_leaves_every_directory_served_or_to_be_served) {
  make_directory(taken_over, 01777);
  forget_former_starts();
  (void)serve(first_user, tmp);
  const auto calls = record_start(second_user, start_command(taken_over));
  try_each(sample_of(faults_of(calls, {Part::starter, Part::watcher}), 20), expect_a_takeover_or_none);
}

}  // namespace
}  // namespace secshr::test
