#include "tests/integration/system_call_faults.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

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

// What each call of processes that serve, and of the library, can say. What is not here is not given any.
std::vector<int> plausible_errors(const CallKind& kind) {
  switch (kind.number) {
    case SYS_read:
    case SYS_pread64:
      return {EINTR, EIO, EAGAIN, ENOMEM};
    case SYS_write:
    case SYS_pwrite64:
      return {EINTR, EIO, EAGAIN, ENOSPC, EDQUOT, EFBIG, EROFS};
    case SYS_recvfrom:
    case SYS_recvmsg:
      return {EINTR, EAGAIN, ENOMEM, ECONNRESET};
    case SYS_sendto:
    case SYS_sendmsg:
      return {EINTR, EAGAIN, ENOBUFS, ENOMEM, ECONNREFUSED, ECONNRESET, EPIPE, EPERM, EACCES, ETOOMANYREFS};
    case SYS_poll:
    case SYS_ppoll:
      return {EINTR, ENOMEM};
    case SYS_connect:
      return {EINTR, EACCES, EPERM, ECONNREFUSED, EAGAIN, ENOENT, ENOMEM};
    case SYS_bind:
      return {EACCES, EADDRINUSE, ENOSPC, EROFS, ENOMEM, ENOENT};
    case SYS_accept4:
      return {EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM};
    case SYS_open:
    case SYS_openat:
    case SYS_openat2:
      return {EINTR, EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EIO, ENOENT, ELOOP, ESTALE, EAGAIN};
    case SYS_close:
      return {EINTR, EIO, ENOSPC};
    case SYS_stat:
    case SYS_lstat:
    case SYS_fstat:
    case SYS_newfstatat:
    case SYS_faccessat:
    case SYS_faccessat2:
      return {EACCES, EIO, ENOENT, ENOMEM, ESTALE};
    case SYS_statfs:
    case SYS_fstatfs:
      return {EINTR, EIO, ENOMEM};
    case SYS_fchmod:
    case SYS_chmod:
      return {EPERM, EIO, EROFS, ENOENT};
    case SYS_unlink:
    case SYS_unlinkat:
      return {EPERM, EACCES, EBUSY, EROFS, EIO, ENOENT, ENOMEM};
    case SYS_lseek:
      return {EIO};
    case SYS_ioctl:
      return {EIO, ENOTTY};
    case SYS_getsockopt:
    case SYS_setsockopt:
      return {ENOMEM, ENOBUFS, ENOPROTOOPT};
    case SYS_socket:
    case SYS_pipe2:
      return {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES};
    case SYS_fcntl:
      return kind.what == F_SETLK ? std::vector{EAGAIN, EACCES, ENOLCK} : std::vector{EMFILE};
    case SYS_semctl:
    case SYS_shmctl:
      return {EPERM, EACCES, EINVAL, EIDRM, ENOMEM};
    case SYS_capget:
    case SYS_setfsuid:
    case SYS_setfsgid:
      return {EPERM};
    case SYS_capset:
    case SYS_prctl:
      return {EPERM, EINVAL};
    case SYS_setgroups:
      return {EPERM, ENOMEM};
    case SYS_setresuid:
      return {EPERM, EAGAIN};
    case SYS_kill:
    case SYS_pidfd_send_signal:
      return {EPERM, ESRCH, EAGAIN};
    case SYS_pidfd_open:
      return {ESRCH, EMFILE, ENFILE, ENOMEM, ENOSYS};
    case SYS_clone:
    case SYS_clone3:
    case SYS_vfork:
      return {EAGAIN, ENOMEM, EPERM};
    case SYS_execve:
      return {EACCES, EPERM, ENOENT, ENOEXEC, ETXTBSY, ENOMEM, EMFILE, EIO};
    case SYS_wait4:
    case SYS_waitid:
      return {EINTR};
    case SYS_seccomp:
      return {EACCES, ENOMEM, EINVAL};
    case SYS_close_range:
      return {EMFILE, ENOMEM, ENOSYS};
    case SYS_brk:
    case SYS_mmap:
    case SYS_mprotect:
    case SYS_munmap:
      return {ENOMEM};
    case SYS_setpgid:
      return {EPERM, ESRCH};
    default:
      return {};
  }
}

// A sanitizer's own, which it does not live without: memory, and a pipe to see whether memory can be read. The other
// build has them fail.
bool is_sanitizers(const CallKind& kind) {
#ifdef SECSHR_SANITIZED
  const bool starters_write = kind.part == Part::starter && kind.number == SYS_write;
  return starters_write || is_among(std::to_array<long>({SYS_brk, SYS_mmap, SYS_mprotect, SYS_munmap}), kind.number);
#else
  (void)kind;
  return false;
#endif
}

bool may_be_cut_short(long number) {
  return is_among(std::to_array<long>({SYS_read, SYS_pread64, SYS_write, SYS_pwrite64}), number);
}

// Nothing, a byte, a half, all but a byte.
std::vector<std::uint64_t> parts_of(std::uint64_t bytes) {
  std::vector<std::uint64_t> parts;
  for (const std::uint64_t part : {std::uint64_t{0}, std::uint64_t{1}, bytes / 2, bytes - 1}) {
    if (part < bytes && std::ranges::find(parts, part) == parts.end()) parts.push_back(part);
  }
  return parts;
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

// What is written in part, to a header or to the log, and what cannot be.
bool is_of_what_stays(const Fault& fault) {
  const CallKind& kind = fault.call.kind;
  if (kind.number == SYS_write) return kind.part == Part::a_recorder && (fault.most_bytes || fault.error == ENOSPC);
  return kind.number == SYS_pwrite64 && (fault.most_bytes || fault.error == ENOSPC);
}

// The very act that was asked for, by the broker.
bool is_of_the_act(const Fault& fault) {
  const CallKind& kind = fault.call.kind;
  if (kind.part != Part::broker || fault.error != EPERM) return false;
  if (kind.number == SYS_semctl || kind.number == SYS_shmctl) return kind.what == IPC_RMID;
  return kind.number == SYS_unlinkat || kind.number == SYS_pidfd_send_signal;
}

// Privileges that cannot be changed at all. All supervisors change theirs by the same code.
bool is_always_tried(const Fault& fault) {
  const CallKind& kind = fault.call.kind;
  const bool is_same_code = kind.part == Part::writer || kind.part == Part::recorder;
  if (is_of_what_stays(fault) || is_of_the_act(fault)) return true;
  return fault.times == Times::from_then_on && changes_privilege(kind) && !is_same_code;
}

// A lock that is never given, or whose holder is never known, is waited for until the start gives up.
bool takes_too_long(const Fault& fault) {
  return fault.times == Times::from_then_on && fault.call.kind.number == SYS_fcntl;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
  return out << fault.call.kind << " number " << fault.occurrence << (fault.times == Times::once ? "" : " and on")
             << (fault.most_bytes ? " does no more than " + std::to_string(*fault.most_bytes) + " bytes"
                                  : std::string(" fails with ") + ::strerrorname_np(fault.error));
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
    if (is_sanitizers(call.kind)) continue;
    if (occurrence != 1 && occurrence != last[call.kind] && !changes_privilege(call.kind)) continue;
    add_faults({call, occurrence, 0, Times::once, position, {}}, faults);
  }
  return faults;
}

std::vector<Fault> every_fault_of(const std::vector<MadeCall>& calls, const std::vector<Part>& parts) {
  std::map<CallKind, unsigned> seen;
  std::vector<Fault> faults;
  for (std::size_t position = 0; position < calls.size(); ++position) {
    const MadeCall& call = calls[position];
    const unsigned occurrence = ++seen[call.kind];
    if (std::ranges::find(parts, call.kind.part) == parts.end() || is_sanitizers(call.kind)) continue;
    for (const int error : plausible_errors(call.kind)) {
      faults.push_back({call, occurrence, error, Times::once, position, {}});
    }
    if (!may_be_cut_short(call.kind.number)) continue;
    for (const auto most : parts_of(call.third_argument)) {
      faults.push_back({call, occurrence, 0, Times::once, position, most});
    }
  }
  return faults;
}

bool is_to_be_heeded(const Fault& fault) {
  const long number = fault.call.kind.number;
  const bool is_part = fault.most_bytes.value_or(0) > 0 && (number == SYS_read || number == SYS_pread64);
  return is_part || fault.error == EINTR;
}

bool says_that_it_is_gone(const Fault& fault) {
  constexpr int errors[] = {ESRCH, ENOENT, EINVAL, EIDRM};
  return std::ranges::find(errors, fault.error) != std::end(errors);
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
