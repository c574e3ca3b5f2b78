// The filters as they are made of the tables: what each process may ask of the kernel, to the last bit of an
// argument, and nothing else. Evaluated, not loaded; tests/privileged/confinement_test.cpp loads them.
#include "secshr/privilege/syscall_policy.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "secshr/privilege/compile_filter.h"
#include "secshr/privilege/syscall_filter.h"
#include "tests/support/evaluate_filter.h"

namespace secshr::test {
namespace {

constexpr pid_t self = 4711;
constexpr std::uint64_t upper = std::uint64_t{1} << 32U;  // what the kernel does not see of an int
constexpr int most_calls = 1024;                          // more than there are

constexpr std::array all_confined{Confined::broker,
                                  Confined::looker,
                                  Confined::writer,
                                  Confined::recorder,
                                  Confined::looker_supervisor,
                                  Confined::writer_supervisor,
                                  Confined::recorder_supervisor,
                                  Confined::watcher};

enum class Word { allowed, unknown, fatal, other };

struct Call {
  long number = -1;
  std::array<std::uint64_t, 6> arguments{};
};

// What a process's two filters say together, as the kernel combines them.
class Filters {
 public:
  explicit Filters(Confined process, ActingAsRoot root = ActingAsRoot::refused)
      : fatal_(SyscallFilter::killing(root)), allowed_(SyscallFilter::allowing(process, self)) {}

  [[nodiscard]] Word of(const Call& call, std::uint32_t architecture = AUDIT_ARCH_X86_64) const {
    seccomp_data data{};
    data.nr = static_cast<int>(call.number);
    data.arch = architecture;
    for (std::size_t index = 0; index < call.arguments.size(); ++index) data.args[index] = call.arguments[index];
    const std::uint32_t first = evaluate_filter(fatal_.program(), data);
    const std::uint32_t second = evaluate_filter(allowed_.program(), data);
    if (first == SECCOMP_RET_KILL_PROCESS || second == SECCOMP_RET_KILL_PROCESS) return Word::fatal;
    if (first != SECCOMP_RET_ALLOW) return Word::other;
    if (second == SECCOMP_RET_ALLOW) return Word::allowed;
    return second == (SECCOMP_RET_ERRNO | ENOSYS) ? Word::unknown : Word::other;
  }

 private:
  SyscallFilter fatal_;
  SyscallFilter allowed_;
};

std::string name_of_call(long number) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number)), &std::free);
  return name ? name.get() : std::to_string(number);
}

std::set<std::string> names_of(const std::vector<SyscallRow>& rows) {
  std::set<std::string> names;
  for (const SyscallRow& row : rows) names.insert(name_of_call(row.number));
  return names;
}

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.insert(word);
  return words;
}

// --- What there is ---

TEST(SyscallPolicy, each_row_says_why_and_has_arguments_that_are_there) {
  std::vector<SyscallRow> rows = fatal_calls(ActingAsRoot::refused);
  for (const Confined process : all_confined) {
    for (const SyscallRow& row : allowed_calls(process)) rows.push_back(row);
  }
  for (const SyscallRow& row : rows) {
    SCOPED_TRACE(name_of_call(row.number));
    EXPECT_GT(std::string(row.reason).size(), 3U);
    std::set<unsigned> seen;
    for (const Argument& argument : row.arguments) {
      if (argument.is == Argument::Is::anything) continue;
      EXPECT_LT(argument.index, 6);
      EXPECT_TRUE(seen.insert(argument.index).second) << "the library takes one comparison of an argument";
      if (argument.is != Argument::Is::masked) continue;
      EXPECT_EQ(argument.value & ~argument.mask, 0U) << "never true";
    }
  }
}

// Whoever adds a call to a table has to add it here too, and to say why in both places' history.
TEST(SyscallPolicy, allows_each_process_these_calls_and_no_others) {
  const std::string every =
      "brk mmap munmap mremap close clock_gettime restart_syscall exit_group getpid gettid "
      "futex rt_sigprocmask rt_sigaction tgkill " +
      std::string(is_sanitized ? "madvise sigaltstack pipe2 write " : "");
  const std::string messages = "recvmsg sendmsg ";
  const std::string capabilities = "capget capset ";
  const std::string identities = "setfsuid setfsgid setgroups geteuid getegid prctl ";
  const std::string status = "fstat newfstatat ";
  const std::string supervising = "poll read clone set_robust_list close_range seccomp wait4 kill ";
  const std::string looker =
      every + messages + capabilities + identities + status + "openat openat2 read pread64 fstatfs poll ";
  const std::string writer = every + messages + capabilities + status + "semctl shmctl openat pread64 pwrite64 ";
  const std::string recorder = every + status + "sendmsg fcntl recvfrom pread64 write ";
  const std::map<Confined, std::string> wanted{
      {Confined::broker, every + messages + capabilities + identities + status +
                             "semctl shmctl poll read lseek sendto connect socket accept4 getsockopt setsockopt "
                             "ioctl openat faccessat2 "
                             "unlinkat setresuid getuid pidfd_open pidfd_send_signal wait4 fcntl"},
      {Confined::looker, looker},
      {Confined::writer, writer},
      {Confined::recorder, recorder},
      {Confined::looker_supervisor, looker + supervising},
      {Confined::writer_supervisor, writer + supervising},
      {Confined::recorder_supervisor, recorder + supervising},
      {Confined::watcher, every + capabilities + "poll pidfd_send_signal socket connect sendto"}};
  for (const auto& [process, names] : wanted) {
    SCOPED_TRACE(static_cast<int>(process));
    EXPECT_EQ(names_of(allowed_calls(process)), words_of(names));
  }
}

// Every number, with arguments that no row asks for and with none.
TEST(SyscallPolicy, every_call_without_a_row_is_unknown_or_fatal) {
  const auto fatal = names_of(fatal_calls(ActingAsRoot::refused));
  for (const Confined process : all_confined) {
    const Filters filters(process);
    const auto allowed = names_of(allowed_calls(process));
    for (long number = 0; number < most_calls; ++number) {
      const std::string name = name_of_call(number);
      if (allowed.contains(name)) continue;
      for (const std::uint64_t argument : {std::uint64_t{0}, UINT64_MAX}) {
        Call call{number, {}};
        call.arguments.fill(argument);
        const bool by_argument = number == SYS_setfsuid || number == SYS_setresuid;
        if (by_argument && argument != 0) continue;
        EXPECT_EQ(filters.of(call), fatal.contains(name) ? Word::fatal : Word::unknown) << name;
      }
    }
  }
}

TEST(SyscallPolicy, a_call_of_another_architecture_is_fatal) {
  constexpr long x32 = 0x40000000;
  for (const Confined process : all_confined) {
    const Filters filters(process);
    EXPECT_EQ(filters.of({SYS_getpid}), Word::allowed);
    for (const std::uint32_t other : {std::uint32_t{AUDIT_ARCH_I386}, std::uint32_t{AUDIT_ARCH_AARCH64},
                                      std::uint32_t{AUDIT_ARCH_PPC64LE}, std::uint32_t{0}}) {
      EXPECT_EQ(filters.of({SYS_getpid}, other), Word::fatal);
    }
    EXPECT_EQ(filters.of({x32 + SYS_getpid}), Word::fatal);
    EXPECT_EQ(filters.of({x32 + SYS_execve}), Word::fatal);
    EXPECT_EQ(filters.of({-1}), Word::unknown) << "no call at all";
  }
}

TEST(SyscallPolicy, what_is_of_use_to_nobody_of_ours_is_fatal_to_all_of_them) {
  for (const Confined process : all_confined) {
    const Filters filters(process);
    for (const long call : {SYS_execve,
                            SYS_execveat,
                            SYS_ptrace,
                            SYS_process_vm_readv,
                            SYS_process_vm_writev,
                            SYS_mount,
                            SYS_umount2,
                            SYS_pivot_root,
                            SYS_chroot,
                            SYS_unshare,
                            SYS_setns,
                            SYS_bpf,
                            SYS_init_module,
                            SYS_finit_module,
                            SYS_kexec_load,
                            SYS_perf_event_open,
                            SYS_userfaultfd,
                            SYS_io_uring_setup,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_open_by_handle_at,
                            SYS_pidfd_getfd,
                            SYS_setuid,
                            SYS_setgid,
                            SYS_setreuid,
                            SYS_setresgid,
                            SYS_personality,
                            SYS_reboot}) {
      EXPECT_EQ(filters.of({call}), Word::fatal) << name_of_call(call);
    }
  }
}

// --- Arguments ---

struct Case {
  Confined process = Confined::broker;
  Call call;
  Word word = Word::other;
  const char* what = "";
};

void expect_words(std::initializer_list<Case> cases) {
  std::map<Confined, Filters> filters;
  for (const Case& each : cases) {
    if (is_sanitized && each.call.number == SYS_write) continue;  // see SyscallPolicy's table for sanitizers
    const Filters& its = filters.try_emplace(each.process, each.process).first->second;
    EXPECT_EQ(its.of(each.call), each.word) << name_of_call(each.call.number) << ": " << each.what;
  }
}

constexpr auto broker = Confined::broker;
constexpr auto looker = Confined::looker;
constexpr auto writer = Confined::writer;
constexpr auto recorder = Confined::recorder;
constexpr auto watcher = Confined::watcher;

TEST(SyscallPolicy, the_broker_sends_two_signals_through_a_pidfd_and_its_own_end_to_itself) {
  const auto send = [](std::uint64_t signal) { return Call{SYS_pidfd_send_signal, {7, signal, 0, 0}}; };
  expect_words({
      {broker, send(SIGALRM), Word::allowed, "wake"},
      {broker, send(SIGCONT), Word::allowed, "continue"},
      {broker, send(SIGKILL), Word::unknown, "kill"},
      {broker, send(SIGSTOP), Word::unknown, "stop"},
      {broker, send(SIGTERM), Word::unknown, "terminate"},
      {broker, send(0), Word::unknown, "nothing"},
      {broker, send(upper + SIGCONT), Word::unknown, "continue with something above it"},
      {broker, {SYS_pidfd_send_signal, {7, SIGCONT, 0x1000, 0}}, Word::unknown, "with a message"},
      {broker, {SYS_pidfd_send_signal, {7, SIGCONT, 0, 4}}, Word::unknown, "to a process group"},
      {broker, {SYS_tgkill, {self, 1, SIGABRT}}, Word::allowed, "itself"},
      {broker, {SYS_tgkill, {self + 1, 1, SIGABRT}}, Word::unknown, "another"},
      {broker, {SYS_tgkill, {upper + self, 1, SIGABRT}}, Word::unknown, "itself with something above it"},
      {broker, {SYS_tgkill, {self, 1, SIGKILL}}, Word::unknown, "itself with another signal"},
      {broker, {SYS_kill, {self, SIGABRT}}, Word::unknown, "kill"},
      {broker, {SYS_tkill, {self, SIGABRT}}, Word::unknown, "tkill"},
      {broker, {SYS_rt_sigqueueinfo, {self, SIGCONT, 1}}, Word::unknown, "sigqueue"},
      {watcher, {SYS_pidfd_send_signal, {3, SIGKILL, 0, 0}}, Word::allowed, "what it watches"},
      {watcher, {SYS_pidfd_send_signal, {4, SIGKILL, 0, 0}}, Word::unknown, "another"},
      {watcher, {SYS_pidfd_send_signal, {3, SIGSTOP, 0, 0}}, Word::unknown, "another signal"},
      {watcher, {SYS_pidfd_open, {1, 0}}, Word::unknown, "another pidfd"},
      {watcher, {SYS_tgkill, {self + 1, 1, SIGABRT}}, Word::unknown, "another"},
      {Confined::looker_supervisor, {SYS_kill, {17, SIGKILL}}, Word::allowed, "a worker"},
      {Confined::looker_supervisor, {SYS_kill, {17, SIGSTOP}}, Word::unknown, "another signal"},
      {Confined::looker_supervisor, {SYS_kill, {UINT64_MAX, SIGKILL}}, Word::unknown, "everybody"},
      {Confined::looker_supervisor, {SYS_kill, {0xffffffff, SIGKILL}}, Word::unknown, "everybody, as 32 bits"},
      {Confined::looker_supervisor, {SYS_kill, {0x80000000, SIGKILL}}, Word::unknown, "a group"},
      {Confined::looker_supervisor, {SYS_kill, {0x7fffffff, SIGKILL}}, Word::allowed, "the last pid"},
      {looker, {SYS_kill, {17, SIGKILL}}, Word::unknown, "a worker kills nobody"},
  });
}

TEST(SyscallPolicy, nobody_acts_as_root_in_whichever_way_a_number_is_cut_to_zero) {
  constexpr std::uint64_t same = 0xffffffff;
  const auto act = [](std::uint64_t uid) { return Call{SYS_setresuid, {same, uid, same}}; };
  expect_words({
      {broker, act(71001), Word::allowed, "a user"},
      {broker, act(1), Word::allowed, "the first user"},
      {broker, act(0xffffffff), Word::allowed, "nobody else"},
      {broker, act(0), Word::fatal, "root"},
      {broker, act(upper), Word::fatal, "root, cut"},
      {broker, act(upper * 5), Word::fatal, "root, cut"},
      {broker, act(upper + 1), Word::unknown, "a user, cut"},
      {broker, {SYS_setresuid, {71001, 71001, same}}, Word::unknown, "the real uid too"},
      {broker, {SYS_setresuid, {same, 71001, 71001}}, Word::unknown, "the saved uid too"},
      {broker, {SYS_setresuid, {UINT64_MAX, 71001, UINT64_MAX}}, Word::unknown, "minus one of 64 bits"},
      {broker, {SYS_setfsuid, {71001}}, Word::allowed, "a user's files"},
      {broker, {SYS_setfsuid, {same}}, Word::allowed, "a question"},
      {broker, {SYS_setfsuid, {0}}, Word::fatal, "root's files"},
      {broker, {SYS_setfsuid, {upper}}, Word::fatal, "root's files, cut"},
      {looker, {SYS_setfsuid, {0}}, Word::fatal, "root's files"},
      {looker, {SYS_setfsuid, {upper * 3}}, Word::fatal, "root's files, cut"},
      {looker, {SYS_setfsuid, {71001}}, Word::allowed, "a user's files"},
      {looker, act(71001), Word::unknown, "more than files"},
      {writer, {SYS_setfsuid, {71001}}, Word::unknown, "nobody's files"},
      {recorder, {SYS_setfsuid, {71001}}, Word::unknown, "nobody's files"},
  });
  const Filters configured(broker, ActingAsRoot::allowed);
  EXPECT_EQ(configured.of(act(0)), Word::allowed) << "System V objects of root's, where the administrator says so";
  EXPECT_EQ(configured.of({SYS_setfsuid, {0}}), Word::fatal) << "files never";
  EXPECT_EQ(configured.of({SYS_setresuid, {same, 0, 0}}), Word::unknown) << "and not for good";
}

TEST(SyscallPolicy, system_v_objects_are_looked_at_and_removed_and_nothing_else) {
  const auto set = [](std::uint64_t command) { return Call{SYS_semctl, {5, 0, command}}; };
  const auto segment = [](std::uint64_t command) { return Call{SYS_shmctl, {5, command}}; };
  for (const int command :
       {IPC_SET, IPC_STAT, IPC_INFO, SEM_STAT, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL}) {
    for (const Confined process : {broker, writer}) {
      EXPECT_EQ(Filters(process).of(set(static_cast<std::uint64_t>(command))), Word::unknown) << command;
    }
  }
  for (const int command : {IPC_SET, IPC_STAT, IPC_INFO, SHM_STAT, SHM_LOCK, SHM_UNLOCK}) {
    for (const Confined process : {broker, writer}) {
      EXPECT_EQ(Filters(process).of(segment(static_cast<std::uint64_t>(command))), Word::unknown) << command;
    }
  }
  expect_words({
      {broker, set(IPC_RMID), Word::allowed, "removing"},
      {broker, set(SEM_STAT_ANY), Word::allowed, "looking"},
      {broker, set(GETPID), Word::allowed, "the last operation"},
      {broker, set(upper + IPC_RMID), Word::unknown, "removing, cut"},
      {broker, segment(IPC_RMID), Word::allowed, "removing"},
      {broker, segment(SHM_STAT_ANY), Word::allowed, "looking"},
      {broker, {SYS_semop}, Word::unknown, "operating"},
      {broker, {SYS_semget}, Word::unknown, "making"},
      {broker, {SYS_shmat}, Word::unknown, "attaching"},
      {broker, {SYS_shmget}, Word::unknown, "making"},
      {broker, {SYS_msgctl}, Word::unknown, "queues"},
      {writer, set(SEM_STAT_ANY), Word::allowed, "looking"},
      {writer, set(IPC_RMID), Word::unknown, "removing"},
      {writer, segment(SHM_STAT_ANY), Word::allowed, "looking"},
      {writer, segment(IPC_RMID), Word::unknown, "removing"},
      {looker, set(SEM_STAT_ANY), Word::unknown, "looking"},
  });
}

TEST(SyscallPolicy, files_are_opened_as_far_as_a_process_needs_them) {
  constexpr std::uint64_t here = static_cast<std::uint64_t>(AT_FDCWD);
  constexpr std::uint64_t held = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  constexpr std::uint64_t written = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  expect_words({
      {broker, {SYS_openat, {9, 1, held}}, Word::allowed, "a name"},
      {broker, {SYS_openat, {65535, 1, held}}, Word::allowed, "a name"},
      {broker, {SYS_openat, {here, 1, held}}, Word::unknown, "a name anywhere"},
      {broker, {SYS_openat, {here & 0xffffffff, 1, held}}, Word::unknown, "a name anywhere, as 32 bits"},
      {broker, {SYS_openat, {9, 1, O_PATH | O_CLOEXEC}}, Word::unknown, "a link followed"},
      {broker, {SYS_openat, {9, 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC}}, Word::unknown, "reading"},
      {broker, {SYS_openat, {9, 1, O_RDWR | O_CLOEXEC}}, Word::unknown, "writing"},
      {broker, {SYS_open, {1, O_RDONLY}}, Word::unknown, "the older call"},
      {broker, {SYS_openat2, {9, 1, 1, 24}}, Word::unknown, "the newer call"},
      {broker, {SYS_creat, {1, 0600}}, Word::unknown, "making"},
      {broker, {SYS_unlinkat, {9, 1, 0}}, Word::allowed, "removing"},
      {broker, {SYS_unlinkat, {9, 1, AT_REMOVEDIR}}, Word::unknown, "removing a directory"},
      {broker, {SYS_unlinkat, {here, 1, 0}}, Word::unknown, "removing anywhere"},
      {broker, {SYS_unlink, {1}}, Word::unknown, "the older call"},
      {broker, {SYS_renameat, {9, 1, 9, 2}}, Word::unknown, "renaming"},
      {broker, {SYS_fchmodat, {9, 1, 0777}}, Word::unknown, "modes"},
      {broker, {SYS_chmod, {1, 0777}}, Word::unknown, "modes"},
      {broker, {SYS_fchownat, {9, 1, 0, 0}}, Word::unknown, "owners"},
      {broker, {SYS_linkat, {9, 1, 9, 1}}, Word::unknown, "links"},
      {broker, {SYS_ftruncate, {9, 0}}, Word::unknown, "sizes"},
      {broker, {SYS_write, {3, 1, 1}}, Word::unknown, "what was handed over"},
      {broker, {SYS_pwrite64, {9, 1, 1, 0}}, Word::unknown, "anything at all"},
      {looker, {SYS_openat, {here, 1, O_RDONLY | O_CLOEXEC | O_NOCTTY}}, Word::allowed, "reading"},
      {looker, {SYS_openat, {here, 1, O_PATH | O_DIRECTORY | O_CLOEXEC}}, Word::allowed, "a directory"},
      {looker, {SYS_openat, {here, 1, O_WRONLY}}, Word::unknown, "writing"},
      {looker, {SYS_openat, {here, 1, O_RDWR}}, Word::unknown, "writing"},
      {looker, {SYS_openat, {here, 1, O_RDONLY | O_CREAT}}, Word::unknown, "making"},
      {looker, {SYS_openat, {here, 1, O_RDONLY | O_TRUNC}}, Word::unknown, "emptying"},
      {looker, {SYS_openat, {here, 1, O_TMPFILE}}, Word::unknown, "a file without a name"},
      {looker, {SYS_write, {9, 1, 1}}, Word::unknown, "writing"},
      {looker, {SYS_pwrite64, {9, 1, 1, 0}}, Word::unknown, "writing"},
      {looker, {SYS_sendfile, {9, 8, 0, 1}}, Word::unknown, "writing"},
      {looker, {SYS_unlinkat, {9, 1, 0}}, Word::unknown, "removing"},
      {writer, {SYS_openat, {here, 1, written}}, Word::allowed, "for writing"},
      {writer, {SYS_openat, {here, 1, written | O_TRUNC}}, Word::unknown, "emptying"},
      {writer, {SYS_openat, {here, 1, written | O_CREAT}}, Word::unknown, "making"},
      {writer, {SYS_pwrite64, {9, 1, 24, 512}}, Word::allowed, "the ids"},
      {writer, {SYS_pwrite64, {9, 1, 23, 512}}, Word::allowed, "what was there, after a cut"},
      {writer, {SYS_pwrite64, {9, 1, 25, 512}}, Word::unknown, "a byte more"},
      {writer, {SYS_pwrite64, {9, 1, 24, 511}}, Word::unknown, "a byte before"},
      {writer, {SYS_pwrite64, {9, 1, 24, 513}}, Word::unknown, "a byte behind"},
      {writer, {SYS_write, {9, 1, 24}}, Word::unknown, "anywhere"},
      {writer, {SYS_write, {2, 1, 24}}, Word::unknown, "what it has opened as standard error"},
      {writer, {SYS_writev, {2, 1, 1}}, Word::unknown, "the same"},
      {looker, {SYS_write, {2, 1, 24}}, Word::unknown, "what it has opened as standard error"},
      {looker, {SYS_writev, {2, 1, 1}}, Word::unknown, "the same"},
      {writer, {SYS_ftruncate, {9, 0}}, Word::unknown, "sizes"},
      {writer, {SYS_unlinkat, {9, 1, 0}}, Word::unknown, "removing"},
      {recorder, {SYS_write, {9, 1, 100}}, Word::allowed, "a line"},
      {recorder, {SYS_recvmsg, {3, 1, 0}}, Word::unknown, "what else could be written to"},
      {recorder, {SYS_openat, {here, 1, O_RDONLY}}, Word::unknown, "opening"},
      {recorder, {SYS_ftruncate, {9, 0}}, Word::unknown, "sizes"},
      {recorder, {SYS_pwrite64, {9, 1, 1, 0}}, Word::unknown, "what is written already"},
  });
}

TEST(SyscallPolicy, sockets_are_those_of_the_pinned_kinds) {
  constexpr std::uint64_t datagrams = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  expect_words({
      {broker, {SYS_socket, {AF_UNIX, datagrams, 0}}, Word::allowed, "for a reply"},
      {broker, {SYS_socket, {AF_INET, datagrams, 0}}, Word::unknown, "the network"},
      {broker, {SYS_socket, {AF_INET6, datagrams, 0}}, Word::unknown, "the network"},
      {broker, {SYS_socket, {AF_NETLINK, datagrams, 0}}, Word::unknown, "the kernel"},
      {broker, {SYS_socket, {AF_PACKET, datagrams, 0}}, Word::unknown, "the wire"},
      {broker, {SYS_socket, {AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0}}, Word::unknown, "streams"},
      {broker, {SYS_socket, {AF_UNIX, SOCK_DGRAM, 0}}, Word::unknown, "inherited"},
      {broker, {SYS_socketpair, {AF_UNIX, datagrams, 0, 1}}, Word::unknown, "pairs"},
      {broker, {SYS_bind, {9, 1, 1}}, Word::unknown, "names"},
      {broker, {SYS_listen, {9, 1}}, Word::unknown, "listening"},
      {broker, {SYS_ioctl, {9, SIOCOUTQ}}, Word::allowed, "unread replies"},
      {broker, {SYS_ioctl, {9, 0x5412 /* TIOCSTI */}}, Word::unknown, "a terminal's input"},
      {broker, {SYS_ioctl, {9, upper + SIOCOUTQ}}, Word::unknown, "cut"},
      {broker, {SYS_setsockopt, {9, SOL_SOCKET, SO_SNDBUF}}, Word::allowed, "room"},
      {broker, {SYS_setsockopt, {9, SOL_SOCKET, SO_SNDBUFFORCE}}, Word::unknown, "more room"},
      {broker, {SYS_setsockopt, {9, SOL_SOCKET, SO_ATTACH_FILTER}}, Word::unknown, "code in the kernel"},
      {broker, {SYS_setsockopt, {9, IPPROTO_IP, SO_SNDBUF}}, Word::unknown, "another level"},
      {broker, {SYS_fcntl, {9, F_SETLK, 1}}, Word::allowed, "its place"},
      {broker, {SYS_fcntl, {9, F_SETFL, 0}}, Word::unknown, "flags"},
      {broker, {SYS_fcntl, {9, F_DUPFD, 0}}, Word::unknown, "another descriptor"},
      {looker, {SYS_socket, {AF_UNIX, datagrams, 0}}, Word::unknown, "none"},
      {looker, {SYS_connect, {9, 1, 1}}, Word::unknown, "none"},
      {writer, {SYS_socket, {AF_UNIX, datagrams, 0}}, Word::unknown, "none"},
      {recorder, {SYS_connect, {9, 1, 1}}, Word::unknown, "none"},
      {watcher, {SYS_socket, {AF_INET, datagrams, 0}}, Word::unknown, "the network"},
  });
}

TEST(SyscallPolicy, memory_is_private_and_never_code_and_processes_stay_alone) {
  constexpr std::uint64_t own = MAP_PRIVATE | MAP_ANONYMOUS;
  constexpr std::uint64_t like_fork = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
  for (const Confined process : all_confined) {
    const Filters filters(process);
    EXPECT_EQ(filters.of({SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, own}}), Word::allowed);
    EXPECT_EQ(filters.of({SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, own}}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS}}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 9}}), Word::unknown) << "a file";
    EXPECT_EQ(filters.of({SYS_mprotect, {4096, 4096, PROT_READ | PROT_EXEC}}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_memfd_create}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_prctl, {PR_SET_DUMPABLE, 1}}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_prctl, {PR_SET_SECCOMP, 2}}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_prctl, {PR_SET_MM}}), Word::unknown);
    EXPECT_EQ(filters.of({SYS_prlimit64, {1, 7, 1, 0}}), Word::unknown);
    for (const long call : {SYS_fork, SYS_vfork, SYS_clone3}) EXPECT_EQ(filters.of({call}), Word::unknown);
    const bool is_supervisor = worker_of(process) != process;
    EXPECT_EQ(filters.of({SYS_clone, {like_fork, 0}}), is_supervisor ? Word::allowed : Word::unknown);
    for (const int more : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_VM, CLONE_THREAD, CLONE_FILES, CLONE_PTRACE}) {
      EXPECT_EQ(filters.of({SYS_clone, {like_fork | static_cast<std::uint64_t>(more), 0}}), Word::unknown);
    }
    EXPECT_EQ(filters.of({SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 1}}),
              is_supervisor ? Word::allowed : Word::unknown);
    EXPECT_EQ(filters.of({SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, 1}}),
              Word::unknown);
  }
}

TEST(SyscallPolicy, an_identity_that_was_changed_can_only_become_less_dumpable) {
  expect_words({
      {broker, {SYS_prctl, {PR_SET_DUMPABLE, 0}}, Word::allowed, "not dumpable"},
      {looker, {SYS_prctl, {PR_SET_DUMPABLE, 0}}, Word::allowed, "not dumpable"},
      {broker, {SYS_prctl, {PR_SET_DUMPABLE, upper}}, Word::unknown, "cut"},
      {broker, {SYS_prctl, {PR_SET_DUMPABLE, 2}}, Word::unknown, "root's"},
      {broker, {SYS_prctl, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 7}}, Word::unknown, "ambient"},
  });
}

// What a supervisor may not do its workers could not either: they have both filters.
TEST(SyscallPolicy, a_supervisor_may_do_what_its_workers_may) {
  for (const Confined supervisor :
       {Confined::looker_supervisor, Confined::writer_supervisor, Confined::recorder_supervisor}) {
    const auto its = names_of(allowed_calls(supervisor));
    for (const std::string& name : names_of(allowed_calls(worker_of(supervisor)))) EXPECT_TRUE(its.contains(name));
  }
}

bool are_equal(std::span<const sock_filter> one, std::span<const sock_filter> other) {
  return one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size_bytes()) == 0;
}

// Made at build time, and with the pid put in: what the tables come to here and now.
TEST(SyscallFilter, is_the_one_of_its_table) {
  for (const pid_t pid : {1, self, 4194303}) {
    for (const Confined process : all_confined) {
      const auto compiled = compile_allowing(allowed_calls(process), pid);
      ASSERT_TRUE(compiled.has_value());
      EXPECT_TRUE(are_equal(SyscallFilter::allowing(process, pid).program(), *compiled)) << static_cast<int>(process);
    }
  }
  for (const ActingAsRoot root : {ActingAsRoot::refused, ActingAsRoot::allowed}) {
    const auto compiled = compile_killing(fatal_calls(root));
    ASSERT_TRUE(compiled.has_value());
    EXPECT_TRUE(are_equal(SyscallFilter::killing(root).program(), *compiled));
  }
}

TEST(CompileFilter, rows_of_one_call_are_alternatives_and_one_without_conditions_covers_the_others) {
  const SyscallRow rows[] = {{SYS_fcntl, "one", {Argument{Argument::Is::equal, 1, 6, 0}}},
                             {SYS_fcntl, "two", {Argument{Argument::Is::equal, 1, 7, 0}}},
                             {SYS_write, "some", {Argument{Argument::Is::at_most, 0, 2, 0}}},
                             {SYS_write, "all"}};
  const auto filter = compile_allowing(rows, self);
  ASSERT_TRUE(filter.has_value());
  const auto word = [&](long number, std::array<std::uint64_t, 2> arguments) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = AUDIT_ARCH_X86_64;
    data.args[0] = arguments[0];
    data.args[1] = arguments[1];
    return evaluate_filter(*filter, data);
  };
  EXPECT_EQ(word(SYS_fcntl, {1, 6}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(word(SYS_fcntl, {1, 7}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(word(SYS_fcntl, {1, 8}), SECCOMP_RET_ERRNO | ENOSYS);
  EXPECT_EQ(word(SYS_write, {2, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(word(SYS_write, {99, 0}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(word(SYS_read, {0, 0}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(CompileFilter, that_cannot_be_made_says_so) {
  const SyscallRow impossible[] = {
      {SYS_write, "an argument that no call has", {Argument{Argument::Is::equal, 6, 0, 0}}}};
  EXPECT_FALSE(compile_allowing(impossible, self).has_value());
}

}  // namespace
}  // namespace secshr::test
