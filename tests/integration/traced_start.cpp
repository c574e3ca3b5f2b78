#include "tests/integration/traced_start.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <new>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace secshr::test {
namespace {

constexpr long options_of_wrapper =
    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

void go_on(pid_t pid, bool to_next_call, int signal) {
  (void)::ptrace(to_next_call ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, static_cast<long>(signal));
}

template <typename Value>
std::optional<Value> read_from(pid_t pid, std::uint64_t address) {
  Value value{};
  iovec own{&value, sizeof value};
  iovec its{std::bit_cast<void*>(address), sizeof value};
  if (::process_vm_readv(pid, &own, 1, &its, 1, 0) != sizeof value) return std::nullopt;
  return value;
}

// Whether the call that it is about to make is the one: a connection to the control socket, or a lock on the second
// byte of a file.
bool is_the_call(pid_t pid, HoldBefore before) {
  __ptrace_syscall_info call{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY) {
    return false;
  }
  const auto& arguments = call.entry.args;
  if (before == HoldBefore::its_question) {
    const auto address = call.entry.nr == SYS_connect ? read_from<sockaddr_un>(pid, arguments[1]) : std::nullopt;
    return address && std::string_view(address->sun_path).ends_with("/control");
  }
  if (call.entry.nr != SYS_fcntl || arguments[1] != F_SETLK) return false;
  const auto lock = read_from<struct flock>(pid, arguments[2]);
  return lock && lock->l_type == F_WRLCK && lock->l_start == 1;
}

struct Hold {
  HoldBefore before = HoldBefore::its_turn;
  std::function<void(pid_t)> meanwhile;  // empty: nowhere
};

// Follows the wrapper and the program that its child executes, in a process whose only children they are.
class Tracer {
 public:
  Tracer(pid_t wrapper, unsigned kill_at, const Hold& hold, TracedStart& result)
      : wrapper_(wrapper), kill_at_(kill_at), hold_(hold), result_(result) {}

  // Until the wrapper has ended.
  bool run() {
    int status = 0;
    while (true) {
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0) return errno == EINTR;
      if (pid == wrapper_ && (WIFEXITED(status) || WIFSIGNALED(status))) {
        result_.wrapper = WIFEXITED(status) ? exited(WEXITSTATUS(status)) : killed_by(WTERMSIG(status));
        return true;
      }
      if (WIFSTOPPED(status)) take_stop(pid, status);
    }
  }

 private:
  void take_stop(pid_t pid, int status) {
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXEC && pid != wrapper_) {
      starter_ = pid;
      // Its own children, the helpers, are not traced.
      (void)::ptrace(PTRACE_SETOPTIONS, pid, nullptr, static_cast<long>(PTRACE_O_TRACESYSGOOD));
      return go_on(pid, true, 0);
    }
    if (pid == starter_ && signal == (SIGTRAP | 0x80)) return take_call(pid);
    go_on(pid, pid == starter_, event != 0 ? 0 : signal);
  }

  void take_call(pid_t pid) {
    is_entry_ = !is_entry_;
    if (is_entry_ && ++result_.calls == kill_at_) {
      result_.was_killed = ::kill(pid, SIGKILL) == 0;
      return;
    }
    if (hold_.meanwhile && is_the_call(pid, hold_.before)) {
      hold_.meanwhile(pid);
      result_.was_held = ::ptrace(PTRACE_DETACH, pid, nullptr, 0L) == 0;
      return;
    }
    go_on(pid, true, 0);
  }

  pid_t wrapper_;
  unsigned kill_at_;
  const Hold& hold_;
  TracedStart& result_;
  pid_t starter_ = -1;
  bool is_entry_ = false;
};

TracedStart trace(const Identity& identity, const Command& command, unsigned kill_at, const Hold& hold) {
  struct Shared {
    std::atomic<bool> is_traced{false};
    TracedStart result;
  };
  void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  auto* const shared = new (memory) Shared;
  // What the tracer leaves behind goes on untraced when it ends.
  const Ending traced = run_forked([&] {
    Command waiting = command;
    waiting.before_exec = [shared] {
      while (!shared->is_traced.load()) (void)::usleep(100);
    };
    const Running wrapper = start_as(identity, waiting);
    // By root, who may: a set-user-ID program that its own user traces gains nothing.
    if (::ptrace(PTRACE_SEIZE, wrapper.pid(), nullptr, options_of_wrapper) != 0) return 1;
    shared->is_traced.store(true);
    return Tracer(wrapper.pid(), kill_at, hold, shared->result).run() ? 0 : 1;
  });
  const TracedStart copy = shared->result;
  (void)::munmap(memory, sizeof(Shared));
  if (traced != exited(0)) throw std::runtime_error("the start could not be traced");
  return copy;
}

}  // namespace

TracedStart run_traced(const Identity& identity, const Command& command, unsigned kill_at) {
  return trace(identity, command, kill_at, {});
}

Ending run_held(const Identity& identity, const Command& command, HoldBefore before,
                const std::function<void(pid_t starter)>& meanwhile) {
  const TracedStart held = trace(identity, command, 0, {before, meanwhile});
  if (!held.was_held) throw std::runtime_error("the start did not come to where it is held");
  return held.wrapper;
}

}  // namespace secshr::test
