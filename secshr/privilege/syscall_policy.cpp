#include "secshr/privilege/syscall_policy.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <span>

#include "protocol/database_header.h"

namespace secshr {
namespace {

constexpr Argument equal(std::uint8_t index, std::uint64_t value) {
  return {Argument::Is::equal, index, value, 0};
}
constexpr Argument at_most(std::uint8_t index, std::uint64_t value) {
  return {Argument::Is::at_most, index, value, 0};
}
constexpr Argument masked(std::uint8_t index, std::uint64_t mask, std::uint64_t value) {
  return {Argument::Is::masked, index, value, mask};
}
constexpr Argument own_pid(std::uint8_t index) {
  return {Argument::Is::own_pid, index, 0, 0};
}

constexpr std::uint64_t lower_half = 0xffffffff;
// What says "leave it as it is" to calls that set ids.
constexpr std::uint64_t same_id = lower_half;
// More than a descriptor can be, and less than AT_FDCWD.
constexpr std::uint64_t most_descriptors = 65535;
constexpr Argument descriptor(std::uint8_t index) {
  return at_most(index, most_descriptors);
}

// No last words: who may write to descriptor 2 may close it and open a file there.
constexpr SyscallRow every_process[] = {
    {SYS_brk, "memory"},
    {SYS_mmap,
     "memory, private and never to be executed",
     {masked(2, PROT_EXEC, 0), masked(3, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS)}},
    {SYS_munmap, "memory"},
    {SYS_mremap, "memory: a buffer that grows"},
    {SYS_close, "descriptors that were received, or served their purpose"},
    {SYS_clock_gettime, "deadlines, where the clock cannot be read without a call"},
    {SYS_restart_syscall, "a wait that a stop and a continuation interrupted"},
    {SYS_exit_group, "the end"},
    {SYS_getpid, "abort(3)"},
    {SYS_gettid, "abort(3), and the log library"},
    {SYS_futex, "the first exception that is thrown", {equal(1, FUTEX_WAKE_PRIVATE)}},
    {SYS_rt_sigprocmask, "abort(3)"},
    {SYS_rt_sigaction, "abort(3)", {equal(0, SIGABRT)}},
};

constexpr SyscallRow sanitizers[] = {
    {SYS_madvise, "memory that is poisoned and given back"},
    {SYS_sigaltstack, "reports"},
    {SYS_pipe2, "whether memory can be read: it is written into a pipe"},
    {SYS_write, "the same, and reports"},
};

// Who holds no capability to signal others needs no more than the signal's number.
constexpr SyscallRow abort_where_nobody_else_is_reached[] = {
    {SYS_tgkill, "abort(3)", {equal(2, SIGABRT)}},
};
constexpr SyscallRow abort_of_itself[] = {
    {SYS_tgkill, "abort(3)", {own_pid(0), equal(2, SIGABRT)}},
};

constexpr SyscallRow channel[] = {
    {SYS_recvmsg, "the other side's messages"},
    {SYS_sendmsg, "messages to the other side"},
};

// Who may write to any descriptor is handed none.
constexpr SyscallRow channel_without_descriptors[] = {
    {SYS_recvfrom, "a line, which stays in the channel until it is written"},
    {SYS_sendmsg, "messages to the other side"},
};

constexpr SyscallRow raising_capabilities[] = {
    {SYS_capget, "a capability around the one call that needs it"},
    {SYS_capset, "a capability around the one call that needs it"},
};

constexpr SyscallRow acting_as_others[] = {
    {SYS_setfsuid, "what decides about files, for one call"},
    {SYS_setfsgid, "what decides about files, for one call"},
    {SYS_setgroups, "what decides about files, for one call"},
    {SYS_geteuid, "back to its own"},
    {SYS_getegid, "back to its own"},
    {SYS_prctl, "an identity that was changed makes a process dumpable", {equal(0, PR_SET_DUMPABLE), equal(1, 0)}},
};

constexpr SyscallRow looking_at_objects[] = {
    {SYS_semctl, "owner, mode and times of a set", {equal(2, SEM_STAT_ANY)}},
    {SYS_shmctl, "owner, mode, times and attaches of a segment", {equal(1, SHM_STAT_ANY)}},
};

constexpr SyscallRow status_of_files[] = {
    // Which of the two a library asks is its own affair.
    {SYS_fstat, "type, owner and number of what was opened"},
    {SYS_newfstatat, "type, owner and number of what was opened"},
};

constexpr SyscallRow broker_alone[] = {
    {SYS_poll, "the next turn"},
    {SYS_read, "signals, and the kernel's list of bound names"},
    {SYS_lseek, "that list from its start", {equal(1, 0), equal(2, SEEK_SET)}},
    {SYS_sendto, "the word to the wrapper, replies, the system log, and what fills a queue that is to be closed"},
    {SYS_connect, "a client's socket, for a reply or to see whether it is bound; the system log"},
    {SYS_socket,
     "another reply socket for one whose replies are not read",
     {equal(0, AF_UNIX), equal(1, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC), equal(2, 0)}},
    {SYS_accept4, "root, at the control socket", {descriptor(0), equal(1, 0), equal(2, 0)}},
    {SYS_getsockopt, "who is at the control socket", {equal(1, SOL_SOCKET), equal(2, SO_PEERCRED)}},
    {SYS_setsockopt, "room for all of the answer to it", {equal(1, SOL_SOCKET), equal(2, SO_SNDBUF)}},
    {SYS_getsockopt, "how far a closed queue was looked through", {equal(1, SOL_SOCKET), equal(2, SO_PEEK_OFF)}},
    {SYS_setsockopt, "how far a closed queue was looked through", {equal(1, SOL_SOCKET), equal(2, SO_PEEK_OFF)}},
    {SYS_ioctl, "replies that are not read yet", {equal(1, SIOCOUTQ)}},
    {SYS_openat,
     "a name in a served directory, to hold it and not to open it",
     {descriptor(0), equal(2, O_PATH | O_NOFOLLOW | O_CLOEXEC)}},
    {SYS_faccessat2, "whether there is such a name, and whether the client may remove names", {descriptor(0)}},
    {SYS_unlinkat, "a leftover socket file", {descriptor(0), equal(2, 0)}},
    {SYS_setresuid,
     "the owner of a System V object, for one call: the effective uid alone",
     {equal(0, same_id), at_most(1, lower_half), equal(2, same_id)}},
    {SYS_getuid, "back to its own"},
    {SYS_semctl, "who operated on a set last", {equal(2, GETPID)}},
    {SYS_semctl, "removing a set", {equal(2, IPC_RMID)}},
    {SYS_shmctl, "removing a segment", {equal(1, IPC_RMID)}},
    {SYS_pidfd_open, "the process that is to be signalled, or asked for", {equal(1, 0)}},
    {SYS_pidfd_send_signal, "waking", {equal(1, SIGALRM), equal(2, 0), equal(3, 0)}},
    {SYS_pidfd_send_signal, "continuing", {equal(1, SIGCONT), equal(2, 0), equal(3, 0)}},
    {SYS_wait4, "a helper that died", {equal(2, WNOHANG), equal(3, 0)}},
    {SYS_fcntl, "giving up its place", {equal(1, F_SETLK)}},
};

constexpr SyscallRow looker_alone[] = {
    {SYS_openat,
     "files of /proc, for reading alone",
     {masked(2, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY)}},
    {SYS_openat2, "the database file below the client's own root"},
    {SYS_read, "files of /proc"},
    {SYS_pread64, "a database's header"},
    {SYS_fstatfs, "whether a file is the kernel's own"},
    {SYS_poll, "whether a process still runs"},
};

constexpr SyscallRow writer_alone[] = {
    {SYS_openat,
     "the file that was handed over, anew, for writing",
     {equal(2, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)}},
    {SYS_pread64, "the header"},
    {SYS_pwrite64,
     "the ids in it, and nothing beside them",
     {at_most(2, protocol::ids_size), equal(3, protocol::ids_offset)}},
};

constexpr SyscallRow recorder_alone[] = {
    {SYS_fcntl, "the log's descriptor, as one's own", {equal(1, F_DUPFD_CLOEXEC)}},
    {SYS_pread64, "whether the log ends in the middle of a line"},
    {SYS_write, "a line"},
};

constexpr SyscallRow supervisor_alone[] = {
    {SYS_poll, "the next turn"},
    {SYS_read, "signals"},
    {SYS_clone,
     "a worker: a process of its own, in the same namespaces",
     {equal(0, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD), equal(1, 0)}},
    {SYS_set_robust_list, "fork(3)"},
    {SYS_close_range, "what is the supervisor's alone"},
    {SYS_seccomp, "the worker's own, narrower filter", {equal(0, SECCOMP_SET_MODE_FILTER), equal(1, 0)}},
    {SYS_wait4, "workers that died", {equal(2, WNOHANG), equal(3, 0)}},
    {SYS_kill, "workers that are stuck", {at_most(0, lower_half >> 1), equal(1, SIGKILL)}},
};

constexpr SyscallRow watcher_alone[] = {
    {SYS_poll, "the end of the former broker"},
    {SYS_pidfd_send_signal,
     "that end, where it does not come by itself",
     {equal(0, watched_descriptor), equal(1, SIGKILL), equal(2, 0), equal(3, 0)}},
    {SYS_socket,
     "telling the system log",
     {equal(0, AF_UNIX), equal(1, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC), equal(2, 0)}},
    {SYS_socket,
     "telling a system log that takes streams",
     {equal(0, AF_UNIX), equal(1, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC), equal(2, 0)}},
    {SYS_connect, "telling the system log"},
    {SYS_sendto, "telling the system log"},
};

// What is of no use to any of ours, and of much to somebody else.
constexpr SyscallRow always_fatal[] = {
    {SYS_execve, "another program"},
    {SYS_execveat, "another program"},
    {SYS_ptrace, "another process's memory"},
    {SYS_process_vm_readv, "another process's memory"},
    {SYS_process_vm_writev, "another process's memory"},
    {SYS_process_madvise, "another process's memory"},
    {SYS_kcmp, "another process's descriptors"},
    {SYS_pidfd_getfd, "another process's descriptors"},
    {SYS_mount, "mounts"},
    {SYS_umount2, "mounts"},
    {SYS_pivot_root, "mounts"},
    {SYS_chroot, "mounts"},
    {SYS_move_mount, "mounts"},
    {SYS_open_tree, "mounts"},
    {SYS_fsopen, "mounts"},
    {SYS_fsconfig, "mounts"},
    {SYS_fsmount, "mounts"},
    {SYS_fspick, "mounts"},
    {SYS_mount_setattr, "mounts"},
    {SYS_unshare, "namespaces"},
    {SYS_setns, "namespaces"},
    {SYS_bpf, "code in the kernel"},
    {SYS_init_module, "code in the kernel"},
    {SYS_finit_module, "code in the kernel"},
    {SYS_delete_module, "code in the kernel"},
    {SYS_kexec_load, "code in the kernel"},
    {SYS_kexec_file_load, "code in the kernel"},
    {SYS_perf_event_open, "a large and old surface"},
    {SYS_userfaultfd, "stopping the kernel in the middle of a copy"},
    {SYS_io_uring_setup, "system calls past every filter"},
    {SYS_io_uring_enter, "system calls past every filter"},
    {SYS_io_uring_register, "system calls past every filter"},
    {SYS_add_key, "keyrings"},
    {SYS_request_key, "keyrings"},
    {SYS_keyctl, "keyrings"},
    {SYS_open_by_handle_at, "files past their directories"},
    {SYS_iopl, "the machine"},
    {SYS_ioperm, "the machine"},
    {SYS_modify_ldt, "the machine"},
    {SYS_reboot, "the machine"},
    {SYS_swapon, "the machine"},
    {SYS_swapoff, "the machine"},
    {SYS_acct, "the machine"},
    {SYS_quotactl, "the machine"},
    {SYS_settimeofday, "the machine"},
    {SYS_clock_settime, "the machine"},
    {SYS_adjtimex, "the machine"},
    {SYS_clock_adjtime, "the machine"},
    {SYS_sethostname, "the machine"},
    {SYS_setdomainname, "the machine"},
    {SYS_syslog, "the machine"},
    {SYS_personality, "executable data"},
    {SYS_setuid, "becoming somebody for good"},
    {SYS_setreuid, "becoming somebody for good"},
    {SYS_setgid, "becoming somebody for good"},
    {SYS_setregid, "becoming somebody for good"},
    {SYS_setresgid, "becoming somebody for good"},
    // A number that the kernel cuts to 0 is 0.
    {SYS_setfsuid, "acting as root", {masked(0, lower_half, 0)}},
};

constexpr SyscallRow fatal_unless_configured[] = {
    {SYS_setresuid, "acting as root", {masked(1, lower_half, 0)}},
};

void append(std::vector<SyscallRow>& rows, std::initializer_list<std::span<const SyscallRow>> tables) {
  for (const auto table : tables) rows.insert(rows.end(), table.begin(), table.end());
}

}  // namespace

std::vector<SyscallRow> allowed_calls(Confined process) {
  std::vector<SyscallRow> rows;
  append(rows, {every_process});
  if (is_sanitized) append(rows, {sanitizers});
  switch (worker_of(process)) {
    case Confined::broker:
      append(rows, {abort_of_itself, channel, raising_capabilities, acting_as_others, looking_at_objects,
                    status_of_files, broker_alone});
      break;
    case Confined::looker:
      append(rows, {abort_where_nobody_else_is_reached, channel, raising_capabilities, acting_as_others,
                    status_of_files, looker_alone});
      break;
    case Confined::writer:
      append(rows, {abort_where_nobody_else_is_reached, channel, raising_capabilities, looking_at_objects,
                    status_of_files, writer_alone});
      break;
    case Confined::recorder:
      append(rows,
             {abort_where_nobody_else_is_reached, channel_without_descriptors, status_of_files, recorder_alone});
      break;
    default:
      append(rows, {abort_of_itself, raising_capabilities, watcher_alone});
      break;
  }
  if (worker_of(process) != process) append(rows, {supervisor_alone});
  return rows;
}

std::vector<SyscallRow> fatal_calls(ActingAsRoot root) {
  std::vector<SyscallRow> rows;
  append(rows, {always_fatal});
  if (root == ActingAsRoot::refused) append(rows, {fatal_unless_configured});
  return rows;
}

}  // namespace secshr
