#include "tests/integration/traced_call.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>

namespace secshr::test {
namespace {

const char* name_of(Part part) {
  constexpr std::array names{"nobody",       "wrapper",      "child",        "starter",         "looker",
                             "first looker", "writer",       "first writer", "recorder",        "first recorder",
                             "watcher",      "broker",       "a looker",     "a writer",        "a recorder",
                             "a supervisor", "a new worker", "the host",     "the host's child"};
  return names.at(static_cast<std::size_t>(part));
}

std::uint64_t what_of(std::uint64_t number, const decltype(__ptrace_syscall_info::entry.args)& arguments) {
  if (number == SYS_prctl || number == SYS_keyctl) return arguments[0];
  if (number == SYS_fcntl || number == SYS_prlimit64 || number == SYS_shmctl) return arguments[1];
  if (number == SYS_semctl) return arguments[2];
  return 0;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const CallKind& kind) {
  return out << name_of(kind.part) << "'s call " << kind.number << " (" << kind.what << ")";
}

MadeCall made_call(Part part, const __ptrace_syscall_info& entry) {
  const auto& arguments = entry.entry.args;
  return {{part, static_cast<long>(entry.entry.nr), what_of(entry.entry.nr, arguments)}, arguments[0], arguments[2]};
}

// A brk that fails says where the end was before, as the one that only asks does.
HarmedCall::HarmedCall(pid_t pid, long number, const Harm& harm) : number_(number), harm_(harm) {
  if (::ptrace(PTRACE_GETREGS, pid, nullptr, &before_) != 0) return;
  user_regs_struct registers = before_;
  if (harm_.most_bytes) {
    registers.rdx = std::min(registers.rdx, static_cast<decltype(registers.rdx)>(*harm_.most_bytes));
  } else if (number_ == SYS_brk) {
    registers.rdi = 0;
  } else if (number_ != SYS_close) {
    registers.orig_rax = ~0ULL;
  }
  (void)::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
}

void HarmedCall::leave(pid_t pid) const {
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) return;
  registers.rdi = before_.rdi;
  registers.rdx = before_.rdx;
  if (!harm_.most_bytes && number_ != SYS_brk) {
    registers.rax = static_cast<std::uint64_t>(-static_cast<std::int64_t>(harm_.error));
  }
  (void)::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
}

}  // namespace secshr::test
