#include "tests/integration/disturbed_service.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <new>
#include <set>
#include <utility>

#include "tests/support/fail.h"

namespace secshr::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_calls = 1U << 13;
constexpr std::size_t most_deaths = 64;
// After which nobody who has made no call will make one because of what has come.
constexpr auto rest_of_recording = 150ms;
constexpr auto rest_of_fault = 40ms;
// For all to be followed, on a machine that has much else to do.
constexpr auto attach_deadline = 10s;

}  // namespace

struct ServiceReport {
  std::atomic<bool> is_ready{false};
  std::atomic<bool> was_disturbed{false};
  std::atomic<bool> is_in_fault{false};
  std::atomic<std::size_t> calls{0};
  std::array<MadeCall, most_calls> made;
  std::atomic<std::size_t> deaths{0};
  std::array<int, most_deaths> signals{};
};

namespace {

class Tracer {
 public:
  Tracer(const std::vector<Subject>& subjects, const std::optional<Fault>& fault, ServiceReport& report)
      : fault_(fault), report_(report) {
    for (const Subject& subject : subjects) {
      constexpr long options =
          PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
      if (::ptrace(PTRACE_SEIZE, subject.pid, nullptr, options) != 0) ::_exit(1);
      traced_[subject.pid].part = subject.part;
      fresh_.insert(subject.pid);
    }
    // Where they wait, so that they wait anew, and that can be seen.
    for (const Subject& subject : subjects) (void)::ptrace(PTRACE_INTERRUPT, subject.pid, nullptr, nullptr);
  }

  // Until there is nobody any more, or this process is killed.
  void run() {
    while (true) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid > 0) {
        take(pid, status);
      } else if (errno != EINTR) {
        return;
      }
      if (fresh_.empty()) report_.is_ready.store(true);
    }
  }

 private:
  struct Traced {
    Part part = Part::nobody;
    std::optional<HarmedCall> harmed;
  };

  static Part part_of_child(Part parent) {
    if (parent == Part::host) return Part::host_child;
    return parent == Part::supervisor ? Part::new_worker : Part::nobody;
  }

  void take(pid_t pid, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) return take_end(pid, status);
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    if (!traced_.contains(pid)) {  // before its parent has said that it has it
      early_.insert(pid);
      return;
    }
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) take_child(pid);
    // What it executes is the start's affair.
    if (event == PTRACE_EVENT_EXEC) return let_go(pid);
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
      (void)::ptrace(PTRACE_LISTEN, pid, nullptr, 0L);
      return;
    }
    if (event == 0 && signal == (SIGTRAP | 0x80)) return take_call(pid, traced_[pid]);
    go_on(pid, event == 0 ? signal : 0);
  }

  void take_end(pid_t pid, int status) {
    const auto known = traced_.find(pid);
    if (known != traced_.end() && known->second.harmed) report_.is_in_fault.store(false);
    traced_.erase(pid);
    fresh_.erase(pid);
    if (!WIFSIGNALED(status)) return;
    const std::size_t index = report_.deaths.load();
    if (index == most_deaths) return;
    report_.signals.at(index) = WTERMSIG(status);
    report_.deaths.store(index + 1);
  }

  void take_child(pid_t parent) {
    unsigned long message = 0;
    if (::ptrace(PTRACE_GETEVENTMSG, parent, nullptr, &message) != 0) return;
    const auto child = static_cast<pid_t>(message);
    traced_[child].part = part_of_child(traced_[parent].part);
    if (early_.erase(child) != 0) go_on(child);
  }

  void let_go(pid_t pid) {
    traced_.erase(pid);
    (void)::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  }

  void take_call(pid_t pid, Traced& traced) {
    __ptrace_syscall_info call{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) > 0) {
      if (call.op == PTRACE_SYSCALL_INFO_ENTRY) enter(pid, traced, made_call(traced.part, call));
      if (call.op == PTRACE_SYSCALL_INFO_EXIT && traced.harmed) {
        std::exchange(traced.harmed, {})->leave(pid);
        report_.is_in_fault.store(false);
      }
    }
    go_on(pid);
  }

  void enter(pid_t pid, Traced& traced, const MadeCall& call) {
    fresh_.erase(pid);
    const std::size_t index = report_.calls.load();
    if (index < most_calls) report_.made.at(index) = call;
    report_.calls.store(std::min(index + 1, most_calls));
    if (!fault_ || report_.was_disturbed.load() || call.kind != fault_->call.kind) return;
    if (++seen_ != fault_->occurrence) return;
    report_.is_in_fault.store(true);
    report_.was_disturbed.store(true);
    traced.harmed.emplace(pid, call.kind.number, Harm{fault_->error, fault_->most_bytes});
  }

  void go_on(pid_t pid, int signal = 0) {
    const Traced& traced = traced_[pid];
    const bool is_over = fault_ && report_.was_disturbed.load() && !traced.harmed;
    const auto how = is_over || traced.part == Part::nobody ? PTRACE_CONT : PTRACE_SYSCALL;
    if (is_over) fresh_.erase(pid);
    (void)::ptrace(how, pid, nullptr, static_cast<long>(signal));
  }

  const std::optional<Fault>& fault_;
  ServiceReport& report_;
  std::map<pid_t, Traced> traced_;
  std::set<pid_t> early_;
  std::set<pid_t> fresh_;  // have not been seen to wait yet
  unsigned seen_ = 0;
};

}  // namespace

Disturbance::Disturbance(const std::vector<Subject>& subjects, const std::optional<Fault>& fault) {
  void* const memory =
      ::mmap(nullptr, sizeof(ServiceReport), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  report_ = new (memory) ServiceReport;
  has_fault_ = fault.has_value();
  tracer_ = ::fork();
  if (tracer_ < 0) fail("fork");
  if (tracer_ == 0) {
    Tracer(subjects, fault, *report_).run();
    ::_exit(0);
  }
  const auto deadline = Clock::now() + attach_deadline;
  while (!report_->is_ready.load() && Clock::now() < deadline) (void)::usleep(100);
  EXPECT_TRUE(report_->is_ready.load()) << "they could not be followed";
}

Disturbance::~Disturbance() {
  // Whoever is stopped goes on, and nobody is followed any more.
  (void)::kill(tracer_, SIGKILL);
  (void)::waitpid(tracer_, nullptr, 0);
  (void)::munmap(report_, sizeof(ServiceReport));
}

void Disturbance::rest() const {
  std::size_t calls = report_->calls.load();
  auto busy_at = Clock::now();
  const auto began = busy_at;
  while (true) {
    const auto now = Clock::now();
    if (report_->calls.load() != calls) {
      calls = report_->calls.load();
      busy_at = now;
    }
    if (report_->was_disturbed.load() && !report_->is_in_fault.load()) return;
    const auto quiet = has_fault_ ? rest_of_fault : rest_of_recording;
    if (now - busy_at > quiet || now - began > 10 * quiet) return;
    (void)::usleep(500);
  }
}

std::vector<MadeCall> Disturbance::made() const {
  const auto count = static_cast<std::ptrdiff_t>(report_->calls.load());
  return {report_->made.begin(), report_->made.begin() + count};
}

bool Disturbance::was_disturbed() const {
  return report_->was_disturbed.load();
}

std::vector<int> Disturbance::deaths() const {
  const auto count = static_cast<std::ptrdiff_t>(report_->deaths.load());
  return {report_->signals.begin(), report_->signals.begin() + count};
}

}  // namespace secshr::test
