// What somebody could do who ran their own code inside a process of ours: each attempt is made by root without the
// filter, where it succeeds; by root with it; and by a process that has given up everything, as the real ones do.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "secshr/privilege/landlock.h"
#include "secshr/privilege/least_privilege.h"
#include "secshr/privilege/syscall_filter.h"
#include "secshr/privilege/syscall_policy.h"
#include "system/pidfd.h"
#include "tests/support/private_world.h"

// What the compiler has called where it finds a stack overwritten.
extern "C" void __stack_chk_fail();  // NOLINT(bugprone-reserved-identifier): the compiler's own name

namespace secshr::test {
namespace {

constexpr uid_t own_uid = 64191;
const std::string victim_file = "/mnt/test/victim";

struct Kind {
  const char* name;
  Confined process;
  std::span<const cap_value_t> capabilities;
};
constexpr std::array kinds{Kind{"broker", Confined::broker, broker_capabilities},
                           Kind{"looker", Confined::looker, looker_capabilities},
                           Kind{"writer", Confined::writer, writer_capabilities},
                           Kind{"recorder", Confined::recorder, {}},
                           Kind{"looker's supervisor", Confined::looker_supervisor, looker_capabilities},
                           Kind{"writer's supervisor", Confined::writer_supervisor, writer_capabilities},
                           Kind{"recorder's supervisor", Confined::recorder_supervisor, {}},
                           Kind{"watcher", Confined::watcher, watcher_capabilities}};

// In a child: from here on it is one of these.
void filter_only(const Kind& kind) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || confine(kind.process, ActingAsRoot::refused) != nullptr) {
    ::_exit(126);
  }
}
void give_up_everything(const Kind& kind) {
  if (drop_privileges({"secshrd-test", own_uid, kind.capabilities, true}) != nullptr) ::_exit(125);
  if (kind.process == Confined::broker && !restrict_files({})) ::_exit(124);
  if (confine(kind.process, ActingAsRoot::refused) != nullptr) ::_exit(126);
}

// What a probe returns: 0, or errno.
int result_of(long returned) {
  return returned >= 0 ? 0 : errno;
}

bool is_filtered() {
  return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
}

struct Probe {
  const char* name;
  std::function<int()> run;  // may end the process with 0 itself
  Ending denied;
  std::vector<Confined> allowed_to;  // whose work it is
};

const Ending fatal = killed_by(SIGSYS);
const Ending unknown = exited(ENOSYS);

class Confinement : public PrivateWorldTest {
 protected:
  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    install_built("tests/am_i_root", "/mnt/test/am-i-root", 0755);
    write_file(victim_file, "victim", 0666, own_uid, own_uid);
    make_directory("/mnt/test/mount-point");
    victim_ = ::fork();
    if (victim_ == 0) {
      while (true) ::pause();
    }
    pidfd_ = open_pidfd(victim_);
    ASSERT_TRUE(pidfd_);
  }
  void TearDown() override {
    if (victim_ > 0) {
      (void)::kill(victim_, SIGKILL);
      (void)wait_for(victim_);
    }
    PrivateWorldTest::TearDown();
  }

  [[nodiscard]] std::vector<Probe> probes() const {
    const int pidfd = pidfd_.get();
    const pid_t victim = victim_;
    return {
        {"another program",
         [] {
           char name[] = "am-i-root";
           char* arguments[] = {name, nullptr};
           char* environment[] = {nullptr};
           return result_of(::execve("/mnt/test/am-i-root", arguments, environment));
         },
         fatal,
         {}},
        {"another program by descriptor",
         [] {
           char name[] = "am-i-root";
           char* arguments[] = {name, nullptr};
           char* environment[] = {nullptr};
           return result_of(::syscall(SYS_execveat, AT_FDCWD, "/mnt/test/am-i-root", arguments, environment, 0));
         },
         fatal,
         {}},
        {"tracing", [victim] { return result_of(::ptrace(PTRACE_SEIZE, victim, nullptr, 0L)); }, fatal, {}},
        {"another's memory",
         [victim] {
           char byte = 1;
           static char target = 0;  // at the same place there: it was forked from here
           iovec own{&byte, 1};
           iovec its{&target, 1};
           return result_of(::process_vm_writev(victim, &own, 1, &its, 1, 0));
         },
         fatal,
         {}},
        {"a mount",
         [] { return result_of(::mount("none", "/mnt/test/mount-point", "tmpfs", 0, nullptr)); },
         fatal,
         {}},
        {"a namespace", [] { return result_of(::unshare(CLONE_NEWUTS)); }, fatal, {}},
        {"a change of root", [] { return result_of(::chroot("/mnt")); }, fatal, {}},
        {"a BPF map",
         [] {
           bpf_attr attributes{};
           attributes.map_type = BPF_MAP_TYPE_ARRAY;
           attributes.key_size = 4;
           attributes.value_size = 4;
           attributes.max_entries = 1;
           return result_of(::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
         },
         fatal,
         {}},
        {"a keyring",
         [] { return result_of(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr)); },
         fatal,
         {}},
        {"a call of the 32-bit architecture",
         [] {
           long result = 20;  // getpid there
           __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
           return result > 0 ? 0 : ENOSYS;
         },
         fatal,
         {}},
        {"root", [] { return result_of(::setresuid(0, 0, 0)); }, fatal, {}},
        {"root by the older call", [] { return result_of(::syscall(SYS_setuid, 0)); }, fatal, {}},
        {"root's effective uid", [] { return result_of(::setresuid(same_uid, 0, same_uid)); }, fatal, {}},
        {"root's effective uid, cut",
         [] { return result_of(::syscall(SYS_setresuid, same_uid, std::uint64_t{1} << 32U, same_uid)); },
         fatal,
         {}},
        {"root's files", [] { return result_of(::setfsuid(0)); }, fatal, {}},
        {"a process",
         [] {
           const pid_t child = ::fork();
           if (child == 0) ::_exit(0);
           return result_of(child);
         },
         unknown,
         {Confined::looker_supervisor, Confined::writer_supervisor, Confined::recorder_supervisor}},
        {"a network socket", [] { return result_of(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }, unknown, {}},
        {"a socket of the kernel's", [] { return result_of(::socket(AF_NETLINK, SOCK_RAW, 0)); }, unknown, {}},
        {"modes", [] { return result_of(::chmod(victim_file.c_str(), 04755)); }, unknown, {}},
        {"owners", [] { return result_of(::chown(victim_file.c_str(), 0, 0)); }, unknown, {}},
        {"opening for writing", [] { return result_of(::open(victim_file.c_str(), O_WRONLY)); }, unknown, {}},
        // What a row allows for one descriptor it allows for whatever has that number. (A sanitizer writes
        // everywhere.)
        {"writing what has a standard descriptor's number",
         [] {
           const int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
           for (int number = 0; number <= 3; ++number) {
             if (is_sanitized && is_filtered()) break;
             (void)::close(number);
             open_how how{};
             how.flags = flags;
             if (::openat(AT_FDCWD, victim_file.c_str(), flags) < 0 &&
                 ::syscall(SYS_openat2, AT_FDCWD, victim_file.c_str(), &how, sizeof how) < 0) {
               continue;
             }
             if (::write(number, "x", 1) == 1) return 0;
             iovec data{const_cast<char*>("x"), 1};
             if (::writev(number, &data, 1) == 1) return 0;
           }
           return ENOSYS;
         },
         unknown,
         {}},
        {"emptying", [] { return result_of(::open(victim_file.c_str(), O_RDONLY | O_TRUNC)); }, unknown, {}},
        {"making a file", [] { return result_of(::open("/mnt/test/made", O_RDONLY | O_CREAT, 0600)); }, unknown, {}},
        {"a directory", [] { return result_of(::mkdir("/mnt/test/made-directory", 0700)); }, unknown, {}},
        {"another name", [] { return result_of(::rename(victim_file.c_str(), "/mnt/test/renamed")); }, unknown, {}},
        {"removing", [] { return result_of(::unlink("/mnt/test/am-i-root")); }, unknown, {}},
        {"killing by descriptor", [pidfd] { return send_signal(pidfd, SIGKILL) ? 0 : errno; }, unknown, {}},
        {"stopping by descriptor", [pidfd] { return send_signal(pidfd, SIGSTOP) ? 0 : errno; }, unknown, {}},
        {"terminating", [victim] { return result_of(::kill(victim, SIGTERM)); }, unknown, {}},
        {"a semaphore set", [] { return result_of(::semget(IPC_PRIVATE, 1, 0600)); }, unknown, {}},
        {"limits",
         [victim] {
           const rlimit64 limit{1, 1};
           return result_of(::syscall(SYS_prlimit64, victim, RLIMIT_NOFILE, &limit, nullptr));
         },
         unknown,
         {}},
        {"priority",
         [victim] { return result_of(::setpriority(PRIO_PROCESS, static_cast<id_t>(victim), 19)); },
         unknown,
         {}},
        {"code made of data",
         [] {
           void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
           return page != MAP_FAILED ? 0 : errno;
         },
         unknown,
         {}},
        {"data made code",
         [] {
           static std::array<char, 8192> data;
           auto* const page = data.data() + 4096 - reinterpret_cast<std::uintptr_t>(data.data()) % 4096;
           return result_of(::mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
         },
         unknown,
         {}},
        {"dumpable again", [] { return result_of(::prctl(PR_SET_DUMPABLE, 1)); }, unknown, {}},
    };
  }

  static bool is_allowed(const Probe& probe, const Kind& kind) {
    return std::ranges::find(probe.allowed_to, kind.process) != probe.allowed_to.end();
  }

  pid_t victim_ = -1;
  Descriptor pidfd_;

 private:
  static constexpr uid_t same_uid = static_cast<uid_t>(-1);
};

TEST_F(Confinement, each_attempt_succeeds_without_the_filter) {
  const std::size_t count = probes().size();
  for (std::size_t index = 0; index < count; ++index) {
    const Probe probe = probes()[index];
    EXPECT_EQ(run_forked(probe.run), exited(0)) << probe.name;
    // The attempt before has removed, or killed, what the next one is made on.
    TearDown();
    SetUp();
  }
}

TEST_F(Confinement, each_attempt_is_denied_to_each_process_even_as_root) {
  for (const Kind& kind : kinds) {
    for (const Probe& probe : probes()) {
      const Ending ending = run_forked([&] {
        filter_only(kind);
        return probe.run();
      });
      EXPECT_EQ(ending, is_allowed(probe, kind) ? exited(0) : probe.denied) << kind.name << ": " << probe.name;
    }
  }
}

TEST_F(Confinement, each_attempt_is_denied_to_each_process_as_it_serves) {
  for (const Kind& kind : kinds) {
    for (const Probe& probe : probes()) {
      const Ending ending = run_forked([&] {
        give_up_everything(kind);
        return probe.run();
      });
      EXPECT_EQ(ending, is_allowed(probe, kind) ? exited(0) : probe.denied) << kind.name << ": " << probe.name;
    }
  }
}

// A worker has its supervisor's filter and its own.
TEST_F(Confinement, a_worker_cannot_do_what_only_its_supervisor_may) {
  const auto as_worker = [](const std::function<int()>& body) {
    return run_forked([&] {
      const auto filter = SyscallFilter::allowing(Confined::looker, 0);
      give_up_everything({"", Confined::looker_supervisor, looker_capabilities});
      if (!filter.load()) return 126;
      return body();
    });
  };
  EXPECT_EQ(as_worker([] { return result_of(::fork()); }), unknown);
  EXPECT_EQ(as_worker([] { return result_of(::kill(::getpid(), SIGKILL)); }), unknown);
  EXPECT_EQ(as_worker([] { return result_of(::syscall(SYS_seccomp, 1, 0, nullptr)); }), unknown);
  EXPECT_EQ(as_worker([] { return result_of(::setfsuid(71001)); }), exited(0)) << "its work";
}

TEST_F(Confinement, acting_as_root_is_possible_where_the_administrator_says_so_and_for_objects_only) {
  const auto with = [](const std::function<int()>& body) {
    return run_forked([&] {
      if (drop_privileges({"secshrd-test", own_uid, broker_capabilities}) != nullptr) return 125;
      if (confine(Confined::broker, ActingAsRoot::allowed) != nullptr) return 126;
      return body();
    });
  };
  EXPECT_EQ(with([] { return IpcIdentity(0, ActingAsRoot::allowed).ok() ? 0 : 1; }), exited(0));
  EXPECT_EQ(with([] { return IpcIdentity(0, ActingAsRoot::refused).ok() ? 0 : 1; }), exited(1));
  EXPECT_EQ(with([] { return result_of(::setfsuid(0)); }), fatal);
  EXPECT_EQ(with([] { return result_of(::setresuid(0, 0, 0)); }), unknown);
}

// --- A broken invariant of ours ends the process, as itself and not as an attack ---

void throw_something() {
  throw std::runtime_error("broken");
}

TEST_F(Confinement, a_throw_or_an_abort_ends_as_SIGABRT) {
  const std::pair<const char*, void (*)()> ends[] = {
      {"abort", [] { std::abort(); }},
      // NOLINTNEXTLINE(bugprone-exception-escape): which is what it is here for
      {"a throw that nobody catches", []() noexcept { throw_something(); }},
      {"a thread of execution without an exception", [] { std::terminate(); }},
      {"a broken precondition of the library",
       [] {
         std::vector<int> none;
         volatile std::size_t beyond = 1;
         none[beyond] = 1;
       }},
      {"a smashed stack", [] { __stack_chk_fail(); }},
  };
  for (const Kind& kind : kinds) {
    for (const auto& [name, how] : ends) {
      const Ending ending = run_forked([&kind, end = how] {
        give_up_everything(kind);
        end();
        return 0;
      });
      EXPECT_EQ(ending, killed_by(SIGABRT)) << kind.name << ": " << name;
    }
  }
}

TEST_F(Confinement, an_exception_that_is_caught_is_no_matter) {
  for (const Kind& kind : kinds) {
    EXPECT_EQ(run_forked([&] {
                give_up_everything(kind);
                try {
                  throw std::runtime_error(std::string(100'000, 'x'));
                } catch (const std::runtime_error&) {
                  return 0;
                }
              }),
              exited(0))
        << kind.name;
  }
}

TEST_F(Confinement, a_program_that_is_linked_as_ours_ends_in_these_ways_too) {
  install_built("probes/confined_end", "/mnt/test/confined-end", 0755);
  const auto end = [](const char* how) { return run_as(0, 0, {}, {"/mnt/test/confined-end", how}).ending; };
  EXPECT_EQ(end("return"), exited(0));
  EXPECT_EQ(end("throw"), killed_by(SIGABRT));
  EXPECT_EQ(end("abort"), killed_by(SIGABRT));
}

// --- Files ---

bool remove_in(int directory, const char* name) {
  return ::unlinkat(directory, name, 0) == 0;
}

TEST_F(Confinement, landlock_leaves_removing_names_in_served_directories_and_no_other_use_of_files) {
  make_directory("/mnt/test/served", 0777);
  make_directory("/mnt/test/other", 0777);
  const auto files = [] {
    for (const char* const directory : {"/mnt/test/served/", "/mnt/test/other/"}) {
      write_file(directory + std::string("leftover"), "");
    }
  };
  const Descriptor served(::open("/mnt/test/served", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const Descriptor other(::open("/mnt/test/other", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::array allowed{served.get()};
  const auto restricted = [&](const std::function<int()>& body) {
    files();
    return run_forked([&] {
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !restrict_files(allowed)) return 126;
      return body();
    });
  };
  const auto free = [&](const std::function<int()>& body) {
    files();
    return run_forked(body);
  };
  const Ending no_access = exited(EACCES);
  const auto remove_served = [&] { return remove_in(served.get(), "leftover") ? 0 : errno; };
  EXPECT_EQ(restricted(remove_served), exited(0));
  const std::pair<const char*, std::function<int()>> denied[] = {
      {"removing elsewhere", [&] { return remove_in(other.get(), "leftover") ? 0 : errno; }},
      {"reading", [] { return result_of(::open(victim_file.c_str(), O_RDONLY)); }},
      {"writing", [] { return result_of(::open(victim_file.c_str(), O_WRONLY)); }},
      {"listing", [] { return result_of(::open("/mnt/test", O_RDONLY | O_DIRECTORY)); }},
      {"making", [&] { return result_of(::openat(served.get(), "made", O_WRONLY | O_CREAT, 0600)); }},
      {"a directory", [&] { return result_of(::mkdirat(served.get(), "made", 0700)); }},
      {"a link", [&] { return result_of(::symlinkat("x", served.get(), "link")); }},
      {"a socket",
       [] {
         const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
         const sockaddr_un address{AF_UNIX, "/mnt/test/served/socket"};
         return result_of(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address));
       }},
      {"sizes", [] { return result_of(::truncate(victim_file.c_str(), 0)); }},
  };
  for (const auto& [name, attempt] : denied) {
    remove_tree("/mnt/test/served/made");
    remove_tree("/mnt/test/served/link");
    remove_tree("/mnt/test/served/socket");
    EXPECT_EQ(restricted(attempt), no_access) << name;
    EXPECT_EQ(free(attempt), exited(0)) << name;
  }
  EXPECT_EQ(restricted([] { return result_of(::open(victim_file.c_str(), O_PATH)); }), exited(0)) << "not held back";
}

TEST_F(Confinement, landlock_keeps_the_broker_from_abstract_sockets_but_from_no_signal) {
  const Descriptor listener(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un abstract{AF_UNIX, "\0secshr-test"};
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&abstract), sizeof abstract), 0);
  const auto connect = [&] {
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    return result_of(::connect(socket, reinterpret_cast<const sockaddr*>(&abstract), sizeof abstract));
  };
  const auto signal = [&] { return send_signal(pidfd_.get(), SIGCONT) ? 0 : errno; };
  const auto restricted = [&](const std::function<int()>& body) {
    return run_forked([&] {
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !restrict_files({})) return 126;
      return body();
    });
  };
  EXPECT_EQ(run_forked(connect), exited(0));
  EXPECT_EQ(restricted(connect), exited(EPERM));
  EXPECT_EQ(restricted(signal), exited(0));
}

TEST_F(Confinement, landlock_that_cannot_be_had_restricts_nothing_and_says_so) {
  const std::array not_a_directory{-1};
  EXPECT_EQ(run_forked([&] {
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 126;
              const auto restricted = restrict_files(not_a_directory);
              if (restricted || !restricted.error().starts_with("rule: ")) return 1;
              return result_of(::open(victim_file.c_str(), O_RDONLY));
            }),
            exited(0));
}

}  // namespace
}  // namespace secshr::test
