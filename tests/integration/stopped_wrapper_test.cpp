// The wrapper is its user's own process as well as root's: the user may stop or kill it, and its child until that has
// left the user. At whichever system call that comes, it holds nothing that another start waits for, and nothing of
// it stays in the next one's way.
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <new>
#include <string>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"
#include "tests/support/fail.h"

namespace secshr::test {
namespace {

enum class Target { wrapper, child };

// What came of a signal of the user's at one system call.
enum class Came : int {
  to_it = 0,
  left_stopped,
  not_permitted,
  after_its_end,
  not_stopped,
  others_wait,
  not_continued,
  untraced
};

// Follows the wrapper and what it forks in a process whose only children they are, up to one system call of either.
// Traced by root, who may: a set-user-ID program that its own user traces gains nothing.
class WrapperTracer {
 public:
  WrapperTracer(Target target, unsigned at, int signal) : target_(target), at_(at), signal_(signal) {}

  Came run() {
    void* const memory =
        ::mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return Came::untraced;
    auto* const is_traced = new (memory) std::atomic<bool>(false);
    Command waiting{wrapper, {wrapper}, {"gtm_tmp=" + tmp}, [is_traced] {
                      while (!is_traced->load()) (void)::usleep(100);
                    }};
    wrapper_ = start_as(first_user, waiting).pid();
    constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC;
    if (::ptrace(PTRACE_SEIZE, wrapper_, nullptr, options) != 0) return Came::untraced;
    is_traced->store(true);
    return follow();
  }

 private:
  void go_on(pid_t pid, int signal = 0) const {
    const bool every_call = is_executed_ && (pid == wrapper_) == (target_ == Target::wrapper);
    (void)::ptrace(every_call ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, static_cast<long>(signal));
  }
  static void let_go(pid_t pid) { (void)::ptrace(PTRACE_DETACH, pid, nullptr, 0L); }

  Came follow() {
    int status = 0;
    while (true) {
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0) return Came::untraced;
      if (!WIFSTOPPED(status)) {
        if (pid == wrapper_) return is_signalled_ ? Came::to_it : Came::after_its_end;
        continue;
      }
      const int event = status >> 16;
      const int signal = WSTOPSIG(status);
      if (event == PTRACE_EVENT_EXEC && pid == wrapper_) is_executed_ = true;
      if (event == PTRACE_EVENT_FORK) {
        take_child(pid);
      } else if (event == PTRACE_EVENT_EXEC && pid != wrapper_) {
        // The starter, which is not the user's any more.
        let_go(pid);
      } else if (event == 0 && signal == (SIGTRAP | 0x80) && is_the_call(pid)) {
        if (const Came came = signal_it(pid); came != Came::to_it || signal_ == SIGSTOP) return came;
      } else {
        go_on(pid, event != 0 || signal == (SIGTRAP | 0x80) ? 0 : signal);
      }
    }
  }

  void take_child(pid_t parent) const {
    unsigned long child = 0;
    int status = 0;
    (void)::ptrace(PTRACE_GETEVENTMSG, parent, nullptr, &child);
    const auto pid = static_cast<pid_t>(child);
    (void)::waitpid(pid, &status, __WALL);
    target_ == Target::child ? go_on(pid) : let_go(pid);
    go_on(parent);
  }

  // Of the many equal ones that reset the signals the first few stand for all.
  bool is_the_call(pid_t pid) {
    __ptrace_syscall_info call{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY) {
      return false;
    }
    if (call.entry.nr == SYS_rt_sigaction && ++signal_resets_ > 4) return false;
    return ++calls_ == at_;
  }

  static bool user_may_signal(pid_t pid, int signal) {
    return as_user(first_user, [&] { return ::kill(pid, signal) == 0 ? 0 : errno; }) == exited(0);
  }

  Came signal_it(pid_t pid) {
    if (!user_may_signal(pid, signal_)) return Came::not_permitted;
    is_signalled_ = true;
    if (signal_ == SIGKILL) return Came::to_it;  // and its end is awaited
    // Untraced, it stops where it is.
    let_go(pid);
    if (pid != wrapper_) release_wrapper();
    const auto is_in = [&](char state) { return status_of(pid).at("State").starts_with(state); };
    if (!eventually([&] { return is_in('T') || is_in('Z'); })) return Came::not_stopped;
    // Who is about to end does not stop any more.
    if (is_in('Z')) return wait_for(wrapper_) == exited(0) ? Came::to_it : Came::not_stopped;
    const Command another{wrapper, {wrapper}, {"gtm_tmp=" + tmp}, {}};
    if (run_as(second_user, another).ending != exited(0)) return Came::others_wait;
    if (!is_in('T')) return Came::not_stopped;
    // Stopped by who owned it, and root's when that took effect.
    if (!user_may_signal(pid, SIGCONT)) return Came::left_stopped;
    return wait_for(wrapper_) == exited(0) ? Came::to_it : Came::not_continued;
  }

  void release_wrapper() const {
    int status = 0;
    (void)::ptrace(PTRACE_INTERRUPT, wrapper_, nullptr, 0L);
    if (::waitpid(wrapper_, &status, __WALL) == wrapper_ && WIFSTOPPED(status)) let_go(wrapper_);
  }

  Target target_;
  unsigned at_;
  int signal_;
  pid_t wrapper_ = -1;
  bool is_executed_ = false;
  bool is_signalled_ = false;
  unsigned calls_ = 0;
  unsigned signal_resets_ = 0;
};

class BrokerStoppedWrapper : public BrokerTest {
 protected:
  // Calls at which the user could do it; all of them until the first at which it could not, or to the end.
  static unsigned at_each_call(Target target, int signal) {
    for (unsigned call = 1;; ++call) {
      SCOPED_TRACE("at system call " + std::to_string(call));
      const Ending ending = run_forked([&] { return static_cast<int>(WrapperTracer(target, call, signal).run()); });
      const Came came = ending.by_signal ? Came::untraced : static_cast<Came>(ending.code);
      if (came == Came::not_permitted || came == Came::after_its_end) {
        last_ = came;
        return call - 1;
      }
      if (came == Came::left_stopped) ++left_stopped_;
      EXPECT_TRUE(came == Came::to_it || came == Came::left_stopped) << ending;
      (void)serve(second_user);
      expect_serving();
      EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
      kill_other_processes();
      if (testing::Test::HasFailure()) return 0;
    }
  }
  inline static Came last_ = Came::untraced;
  inline static unsigned left_stopped_ = 0;
};

TEST_F(BrokerStoppedWrapper, is_in_nobodys_way_wherever_its_user_stops_it) {
  EXPECT_GT(at_each_call(Target::wrapper, SIGSTOP), 40U);
  EXPECT_EQ(last_, Came::after_its_end);
}

TEST_F(BrokerStoppedWrapper, is_in_nobodys_way_wherever_its_user_stops_its_child) {
  EXPECT_GT(at_each_call(Target::child, SIGSTOP), 3U);
  EXPECT_EQ(last_, Came::not_permitted) << "it never left its user";
  // At the very call with which it leaves. It has opened nothing but the two programs, is in the user's control
  // group, and costs the user as many attempts as it takes to meet that moment; that is all there is to it.
  EXPECT_EQ(left_stopped_, 1U);
}

TEST_F(BrokerStoppedWrapper, that_was_killed_anywhere_is_nothing_to_the_next) {
  EXPECT_GT(at_each_call(Target::wrapper, SIGKILL), 40U);
  EXPECT_EQ(last_, Came::after_its_end);
}

TEST_F(BrokerStoppedWrapper, whose_child_was_killed_anywhere_is_nothing_to_the_next) {
  EXPECT_GT(at_each_call(Target::child, SIGKILL), 3U);
  EXPECT_EQ(last_, Came::not_permitted);
}

}  // namespace
}  // namespace secshr::test
