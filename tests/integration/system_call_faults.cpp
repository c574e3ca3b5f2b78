#include "tests/integration/system_call_faults.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>

namespace secshr::test {
namespace {

template <std::size_t Size>
bool is_among(const std::array<long, Size>& numbers, long number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

// They return, or do not return, whatever happens.
bool cannot_fail(long number) {
  return is_among(std::to_array<long>({SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall, SYS_getpid,
                                       SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,
                                       SYS_umask, SYS_set_tid_address}),
                  number);
}

bool may_be_interrupted(long number) {
  return is_among(std::to_array<long>({SYS_read, SYS_write, SYS_poll, SYS_ppoll, SYS_openat, SYS_openat2, SYS_close,
                                       SYS_connect, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
                                       SYS_fallocate, SYS_wait4}),
                  number);
}

// That can come of it on a machine that is short of something, or has a disk that fails.
int usual_error(long number) {
  if (is_among(std::to_array<long>({SYS_openat, SYS_openat2, SYS_socket, SYS_socketpair, SYS_pipe2, SYS_dup2,
                                    SYS_dup3, SYS_fcntl, SYS_signalfd4, SYS_pidfd_open, SYS_accept4}),
               number)) {
    return EMFILE;
  }
  if (is_among(
          std::to_array<long>({SYS_read, SYS_pread64, SYS_write, SYS_close, SYS_newfstatat, SYS_fstatfs, SYS_fsync,
                               SYS_getdents64, SYS_readlink, SYS_readlinkat, SYS_mkdirat, SYS_renameat, SYS_renameat2,
                               SYS_unlinkat, SYS_linkat, SYS_ftruncate, SYS_fallocate, SYS_lseek}),
          number)) {
    return EIO;
  }
  if (number == SYS_clone || is_among(std::to_array<long>({SYS_setresuid, SYS_setresgid}), number)) return EAGAIN;
  return ENOMEM;
}

// Hundreds of times the same for each capability, and all but the first of these only ask.
bool is_repeated_question(const Fault& fault) {
  const CallKind& kind = fault.call.kind;
  return fault.occurrence != 1 && kind.number == SYS_prctl &&
         (kind.what == PR_CAPBSET_READ || kind.what == PR_CAP_AMBIENT);
}

void add_faults(Fault fault, std::vector<Fault>& faults) {
  const CallKind& kind = fault.call.kind;
  const auto add = [&](int error, Times times = Times::once) {
    fault.error = error;
    fault.times = times;
    faults.push_back(fault);
  };
  add(EPERM);
  if (!is_repeated_question(fault)) add(usual_error(kind.number));
  if (fault.occurrence != 1) return;
  if (may_be_interrupted(kind.number)) add(EINTR);
  add(EPERM, Times::from_then_on);
}

// Privileges that cannot be changed at all. All supervisors change theirs by the same code.
bool is_always_tried(const Fault& fault) {
  const CallKind& kind = fault.call.kind;
  const bool is_same_code = kind.part == Part::writer || kind.part == Part::recorder;
  return fault.times == Times::from_then_on && changes_privilege(kind) && !is_same_code;
}

// A lock that is never given, or whose holder is never known, is waited for until the start gives up.
bool takes_too_long(const Fault& fault) {
  return fault.times == Times::from_then_on && fault.call.kind.number == SYS_fcntl;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
  return out << fault.call.kind << " number " << fault.occurrence << (fault.times == Times::once ? "" : " and on")
             << " fails with " << ::strerrorname_np(fault.error);
}

bool changes_privilege(const CallKind& kind) {
  if (kind.number == SYS_fcntl) return kind.what == F_SETLK || kind.what == F_GETLK;
  return is_among(std::to_array<long>({SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_setfsuid, SYS_setfsgid,
                                       SYS_capset, SYS_prctl, SYS_prlimit64, SYS_setrlimit, SYS_setsid, SYS_keyctl,
                                       SYS_close_range, SYS_seccomp, SYS_landlock_create_ruleset,
                                       SYS_landlock_add_rule, SYS_landlock_restrict_self}),
                  kind.number);
}

std::vector<Fault> faults_of(const std::vector<MadeCall>& calls, const std::vector<Part>& parts) {
  std::map<CallKind, unsigned> last;
  for (const MadeCall& call : calls) ++last[call.kind];
  std::map<CallKind, unsigned> seen;
  std::vector<Fault> faults;
  for (std::size_t position = 0; position < calls.size(); ++position) {
    const MadeCall& call = calls[position];
    const unsigned occurrence = ++seen[call.kind];
    if (std::ranges::find(parts, call.kind.part) == parts.end() || cannot_fail(call.kind.number)) continue;
    if (occurrence != 1 && occurrence != last[call.kind] && !changes_privilege(call.kind)) continue;
    add_faults({call, occurrence, 0, Times::once, position}, faults);
  }
  return faults;
}

bool is_every_system_call_wanted() {
  return std::getenv("SECSHR_EVERY_SYSTEM_CALL") != nullptr;
}

std::vector<Fault> sample_of(std::vector<Fault> faults, std::size_t size) {
  if (is_every_system_call_wanted()) return faults;
  std::erase_if(faults, [](const Fault& fault) { return takes_too_long(fault) || is_repeated_question(fault); });
  std::vector<Fault> sample;
  const std::size_t stride = faults.size() / size + 1;
  for (std::size_t index = 0; index < faults.size(); ++index) {
    if (index % stride == stride / 2 || is_always_tried(faults[index])) sample.push_back(faults[index]);
  }
  return sample;
}

}  // namespace secshr::test
