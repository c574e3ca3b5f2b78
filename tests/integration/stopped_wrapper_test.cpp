// A wrapper, or its child before that executes the starter, which its user stops or kills at any of its system calls:
// nobody waits for it, no lock is held by it, and nothing of it is left.
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "tests/integration/disturbed_start.h"
#include "tests/integration/disturbed_start_fixture.h"
#include "tests/integration/system_call_faults.h"

namespace secshr::test {
namespace {

enum class Then { goes_on, is_killed };

class BrokerStoppedWrapper : public DisturbedStartTest {
 protected:
  // Numbers that have nothing to do with how the calls repeat.
  static unsigned stride(Part part) {
    if (is_every_system_call_wanted()) return 1;
    return part == Part::wrapper_itself ? 23 : 11;
  }

  // Until the process has made no more calls. How many were tried.
  template <typename Check>
  static unsigned at_each_call_of(Part part, const Check& check) {
    unsigned tried = 0;
    for (unsigned call = 1;; call += stride(part), ++tried) {
      SCOPED_TRACE("at its system call " + std::to_string(call));
      forget_former_starts();
      if (!check(call) || testing::Test::HasFailure()) return tried;
    }
  }

  // Which of the process's calls is the first of this number.
  static unsigned position(Part part, long number) {
    forget_former_starts();
    auto calls = record_start(first_user, start_command());
    std::erase_if(calls, [&](const MadeCall& call) { return call.kind.part != part; });
    const auto found = std::ranges::find(calls, number, [](const MadeCall& call) { return call.kind.number; });
    EXPECT_NE(found, calls.end());
    return static_cast<unsigned>(found - calls.begin()) + 1;
  }

  static Ending signal_as_its_user(pid_t pid, int signal) {
    return as_user(first_user, [&] { return ::kill(pid, signal) == 0 ? 0 : errno; });
  }

  // While it is held there; 0 when all is well. In the tracer's process, which has the test's state as it was.
  static int disturb(pid_t held, bool may_be_signalled, bool may_hold_the_lock, Then then) {
    const Ending expected = exited(may_be_signalled ? 0 : EPERM);
    EXPECT_EQ(signal_as_its_user(held, SIGSTOP), expected);
    EXPECT_TRUE(may_hold_the_lock || !lock_holder());
    expect_that_the_next_start_works();
    EXPECT_EQ(signal_as_its_user(held, then == Then::goes_on ? SIGCONT : SIGKILL), expected);
    return testing::Test::HasFailure() ? 1 : 0;
  }
};

TEST_F(BrokerStoppedWrapper, killed_leaves_a_broker_with_its_privileges_or_none) {
  const unsigned tried = at_each_call_of(Part::wrapper_itself, [](unsigned call) {
    const auto killed = run_with_kill(first_user, start_command(), Part::wrapper_itself, call);
    if (!killed.was_disturbed) return false;
    EXPECT_EQ(killed.wrapper, killed_by(SIGKILL));
    (void)settle();
    expect_that_the_next_start_works();
    return true;
  });
  EXPECT_GT(tried, 5U);
}

TEST_F(BrokerStoppedWrapper, whose_child_is_killed_says_so_and_leaves_nothing) {
  const unsigned tried = at_each_call_of(Part::wrapper_child, [](unsigned call) {
    const auto killed = run_with_kill(first_user, start_command(), Part::wrapper_child, call);
    if (!killed.was_disturbed) return false;
    EXPECT_EQ(killed.wrapper, ending_of(StartStatus::other));
    EXPECT_FALSE(settle());
    EXPECT_EQ(system_log(), std::vector<std::string>{"reason=broker-silent detail=none"});
    expect_that_the_next_start_works();
    return true;
  });
  EXPECT_GT(tried, 5U);
}

TEST_F(BrokerStoppedWrapper, keeps_nobody_waiting_and_leaves_nothing) {
  const unsigned fork = position(Part::wrapper_itself, SYS_clone);
  for (const Then then : {Then::goes_on, Then::is_killed}) {
    const unsigned tried = at_each_call_of(Part::wrapper_itself, [&](unsigned call) {
      const auto stopped = run_with_pause(first_user, start_command(), Part::wrapper_itself, call,
                                          [&](pid_t wrapper) { return disturb(wrapper, true, call > fork, then); });
      if (!stopped.start.was_disturbed) return false;
      EXPECT_EQ(stopped.found, 0);
      EXPECT_EQ(stopped.start.wrapper, then == Then::goes_on ? ending_of(StartStatus::serving) : killed_by(SIGKILL));
      EXPECT_TRUE(settle());
      expect_serving();
      return true;
    });
    EXPECT_GT(tried, 5U);
  }
}

// From where the child has left its user, that one cannot stop or kill it any more.
TEST_F(BrokerStoppedWrapper, whose_child_is_stopped_keeps_nobody_waiting_and_leaves_nothing) {
  const unsigned leaving = position(Part::wrapper_child, SYS_setresuid);
  for (const Then then : {Then::goes_on, Then::is_killed}) {
    const unsigned tried = at_each_call_of(Part::wrapper_child, [&](unsigned call) {
      const bool is_its_users = call <= leaving;
      const auto stopped = run_with_pause(first_user, start_command(), Part::wrapper_child, call,
                                          [&](pid_t child) { return disturb(child, is_its_users, false, then); });
      if (!stopped.start.was_disturbed) return false;
      EXPECT_EQ(stopped.found, 0);
      const bool is_killed = is_its_users && then == Then::is_killed;
      EXPECT_EQ(stopped.start.wrapper, ending_of(is_killed ? StartStatus::other : StartStatus::serving));
      EXPECT_TRUE(settle());
      expect_serving();
      return true;
    });
    EXPECT_GT(tried, 5U);
  }
}

}  // namespace
}  // namespace secshr::test
