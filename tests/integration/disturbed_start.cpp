#include "tests/integration/disturbed_start.h"

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace secshr::test {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Longer than any start may take.
constexpr std::chrono::seconds wrapper_deadline{20};
// After which nobody who has made no call will make the one that is waited for.
constexpr std::chrono::milliseconds rest_of_fault{60};
constexpr std::chrono::milliseconds rest_of_record{500};
constexpr std::chrono::milliseconds most_rest{1500};
constexpr long options_of_all =
    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
constexpr std::size_t most_calls = 1U << 14;

enum class Means { record, fail, kill, hold };

struct Disturbance {
  Means means = Means::record;
  ChosenCall call;  // of `kill` and `hold` only the part, and the occurrence among all of its calls
  int error = 0;
  Times times = Times::once;
  std::function<int(pid_t)> meanwhile;
  IsTheCall is_the_call;  // of `hold`, instead of the occurrence
};

// What the tracer, a process of its own, tells the test.
struct Report {
  std::atomic<bool> is_traced{false};
  bool timed_out = false;
  HeldStart result;
  std::size_t calls = 0;
  std::array<MadeCall, most_calls> made;
};

// A fork into another control group, by which a process goes on as its child (secshr/start/leave_cgroup.h).
bool goes_on_as_child(pid_t pid) {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0 || registers.orig_rax != SYS_clone3) return false;
  std::uint64_t flags = 0;
  iovec own{&flags, sizeof flags};
  iovec its{std::bit_cast<void*>(registers.rdi), sizeof flags};
  return ::process_vm_readv(pid, &own, 1, &its, 1, 0) == sizeof flags && (flags & CLONE_INTO_CGROUP) != 0;
}

Part part_of_child(Part parent, unsigned child) {
  constexpr std::array helpers{Part::looker, Part::writer, Part::recorder, Part::watcher};
  if (parent == Part::starter) return child < helpers.size() ? helpers[child] : Part::nobody;
  if (child != 0) return Part::nobody;
  switch (parent) {
    case Part::wrapper_itself:
      return Part::wrapper_child;
    case Part::looker:
      return Part::first_looker;
    case Part::writer:
      return Part::first_writer;
    case Part::recorder:
      return Part::first_recorder;
    default:
      return Part::nobody;
  }
}

class Follower {
 public:
  Follower(pid_t wrapper, const Disturbance& disturbance, Report& report)
      : wrapper_(wrapper), disturbance_(disturbance), report_(report) {
    traced_[wrapper] = {};
  }

  // Until the wrapper has ended, and what is wished has been done or nobody is about to do it.
  void run() {
    auto last = SteadyClock::now();
    while (!has_ended_ || meanwhile_ > 0 || is_in_failure() || (!is_over() && last < quiet_until())) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, __WALL | WNOHANG);
      if (pid > 0) {
        busy_at_ = SteadyClock::now();
        take(pid, status);
      } else if (pid < 0 && errno == ECHILD) {
        return;
      } else {
        (void)::usleep(30);
      }
      last = SteadyClock::now();
      if (last > give_up_at_) return give_up();
    }
  }

 private:
  struct Traced {
    Part part = Part::nobody;
    unsigned children = 0;
    std::optional<HarmedCall> harmed;  // the call that it is in
  };

  // Where calls go on failing there may be no end to them.
  [[nodiscard]] SteadyClock::time_point quiet_until() const {
    const auto wanted = disturbance_.means == Means::record ? rest_of_record : rest_of_fault;
    return std::min(busy_at_ + wanted, ended_at_ + most_rest);
  }
  void give_up() {
    report_.timed_out = !has_ended_;
    if (!has_ended_) (void)::kill(wrapper_, SIGKILL);
  }
  [[nodiscard]] bool is_in_failure() const {
    return std::ranges::any_of(traced_, [](const auto& each) { return each.second.harmed.has_value(); });
  }
  [[nodiscard]] bool is_over() const {
    return report_.result.start.was_disturbed && disturbance_.times == Times::once;
  }
  [[nodiscard]] bool is_followed(const Traced& traced) const {
    if (disturbance_.means == Means::record) return traced.part != Part::nobody;
    return traced.harmed || (traced.part == disturbance_.call.kind.part && !is_over());
  }

  void go_on(pid_t pid, int signal = 0) {
    const auto how = is_followed(traced_[pid]) ? PTRACE_SYSCALL : PTRACE_CONT;
    (void)::ptrace(how, pid, nullptr, static_cast<long>(signal));
  }

  void take(pid_t pid, int status) {
    if (pid == meanwhile_) return release(status);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      traced_.erase(pid);
      if (pid != wrapper_) return;
      report_.result.start.wrapper = WIFEXITED(status) ? exited(WEXITSTATUS(status)) : killed_by(WTERMSIG(status));
      has_ended_ = true;
      ended_at_ = SteadyClock::now();
      return;
    }
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    if (!traced_.contains(pid)) {  // before its parent has said that it has it
      early_.insert(pid);
      return;
    }
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) take_child(pid);
    if (event == PTRACE_EVENT_EXEC) take_exec(traced_[pid]);
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
      (void)::ptrace(PTRACE_LISTEN, pid, nullptr, 0L);
      return;
    }
    if (event == 0 && signal == (SIGTRAP | 0x80)) return take_call(pid, traced_[pid]);
    go_on(pid, event == 0 ? signal : 0);
  }

  void take_child(pid_t parent) {
    unsigned long message = 0;
    if (::ptrace(PTRACE_GETEVENTMSG, parent, nullptr, &message) != 0) return;
    const auto child = static_cast<pid_t>(message);
    Traced& traced = traced_[parent];
    if (goes_on_as_child(parent)) {
      traced_[child].part = std::exchange(traced.part, Part::nobody);
    } else {
      const Part part = part_of_child(traced.part, traced.children++);
      traced_[child].part = part;
    }
    if (early_.erase(child) != 0) go_on(child);
  }

  // What is done before the first one is the test's own.
  static void take_exec(Traced& traced) {
    traced.part = traced.part == Part::wrapper_child ? Part::starter : Part::wrapper_itself;
  }

  void take_call(pid_t pid, Traced& traced) {
    __ptrace_syscall_info call{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) > 0) {
      if (call.op == PTRACE_SYSCALL_INFO_ENTRY) enter(pid, traced, call);
      if (call.op == PTRACE_SYSCALL_INFO_EXIT && traced.harmed) std::exchange(traced.harmed, {})->leave(pid);
    }
    if (pid != held_) go_on(pid);
  }

  void enter(pid_t pid, Traced& traced, const __ptrace_syscall_info& info) {
    const MadeCall call = made_call(traced.part, info);
    if (disturbance_.means == Means::record) {
      if (report_.calls < most_calls) report_.made[report_.calls++] = call;
      return;
    }
    const bool is_any = disturbance_.means != Means::fail;
    if (disturbance_.is_the_call && !disturbance_.is_the_call(pid, info)) return;
    if ((!is_any && call.kind != disturbance_.call.kind) || !is_chosen(++seen_)) return;
    report_.result.start.was_disturbed = true;
    switch (disturbance_.means) {
      case Means::fail:
        traced.harmed.emplace(pid, call.kind.number, Harm{disturbance_.error, {}});
        return;
      case Means::kill:
        (void)::kill(pid, SIGKILL);
        return;
      default:
        hold(pid);
    }
  }

  // All others go on, so that whoever has to wait does so for this one.
  void hold(pid_t pid) {
    meanwhile_ = ::fork();
    if (meanwhile_ == 0) ::_exit(disturbance_.meanwhile(pid));
    if (meanwhile_ > 0) held_ = pid;
  }
  void release(int status) {
    report_.result.found = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    meanwhile_ = -1;
    go_on(std::exchange(held_, -1));
  }

  [[nodiscard]] bool is_chosen(unsigned occurrence) const {
    const unsigned chosen = disturbance_.call.occurrence;
    return disturbance_.times == Times::once ? occurrence == chosen : occurrence >= chosen;
  }

  pid_t wrapper_;
  const Disturbance& disturbance_;
  Report& report_;
  std::map<pid_t, Traced> traced_;
  std::set<pid_t> early_;
  unsigned seen_ = 0;
  bool has_ended_ = false;
  pid_t meanwhile_ = -1;
  pid_t held_ = -1;
  SteadyClock::time_point give_up_at_ = SteadyClock::now() + wrapper_deadline;
  SteadyClock::time_point busy_at_ = SteadyClock::now();
  SteadyClock::time_point ended_at_;
};

// Memory that the tracer shares with the test.
class SharedReport {
 public:
  SharedReport()
      : memory_(::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    report_ = new (memory_) Report;
  }
  SharedReport(const SharedReport&) = delete;
  SharedReport& operator=(const SharedReport&) = delete;
  ~SharedReport() { (void)::munmap(memory_, sizeof(Report)); }
  [[nodiscard]] Report& get() const { return *report_; }

 private:
  void* memory_;
  Report* report_;
};

void follow(const Identity& identity, const Command& command, const Disturbance& disturbance, Report& report) {
  const Ending traced = run_forked(
      [&] {
        Command waiting = command;
        waiting.before_exec = [&report] {
          while (!report.is_traced.load()) (void)::usleep(100);
        };
        const Running wrapper = start_as(identity, waiting);
        // By root, who may: a set-user-ID program that its own user traces gains nothing.
        if (::ptrace(PTRACE_SEIZE, wrapper.pid(), nullptr, options_of_all) != 0) return 1;
        report.is_traced.store(true);
        Follower(wrapper.pid(), disturbance, report).run();
        return 0;
      },
      2 * wrapper_deadline);
  if (traced != exited(0)) throw std::runtime_error("the start could not be traced");
  EXPECT_FALSE(report.timed_out) << "the wrapper did not end in time";
}

HeldStart disturb(const Identity& identity, const Command& command, const Disturbance& disturbance) {
  const SharedReport report;
  follow(identity, command, disturbance, report.get());
  return report.get().result;
}

}  // namespace

std::vector<MadeCall> record_start(const Identity& identity, const Command& command) {
  const SharedReport report;
  follow(identity, command, {}, report.get());
  const Report& seen = report.get();
  if (seen.calls == most_calls) throw std::runtime_error("a start of more calls than can be recorded");
  return {seen.made.begin(), seen.made.begin() + static_cast<std::ptrdiff_t>(seen.calls)};
}

DisturbedStart run_with_failure(const Identity& identity, const Command& command, const ChosenCall& call, int error,
                                Times times) {
  return disturb(identity, command, {Means::fail, call, error, times, {}, {}}).start;
}

DisturbedStart run_with_kill(const Identity& identity, const Command& command, Part part, unsigned call) {
  return disturb(identity, command, {Means::kill, {{part, -1, 0}, call}, 0, Times::once, {}, {}}).start;
}

HeldStart run_with_pause(const Identity& identity, const Command& command, Part part, unsigned call,
                         const std::function<int(pid_t held)>& meanwhile) {
  return disturb(identity, command, {Means::hold, {{part, -1, 0}, call}, 0, Times::once, meanwhile, {}});
}

HeldStart run_with_pause_before(const Identity& identity, const Command& command, const IsTheCall& is_the_call,
                                const std::function<int(pid_t held)>& meanwhile) {
  const CallKind any{Part::starter, -1, 0};
  return disturb(identity, command, {Means::hold, {any, 1}, 0, Times::once, meanwhile, is_the_call});
}

}  // namespace secshr::test
