// While a process of ours acts as a user it is not that user's: the user can do nothing to it that needs its own uid.
#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <set>
#include <string>

#include "secshr/privilege/act_as.h"
#include "secshr/privilege/least_privilege.h"
#include "tests/integration/process_state.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

constexpr uid_t acted_as = 71001;
constexpr uid_t acting_uid = 64199;
constexpr Role acting_role{"secshrd-test", acting_uid, broker_capabilities};

enum class Acting { not_at_all, on_ipc_objects, on_files };

// A process that has dropped to the role and acts for as long as it lives; or, for Acting::not_at_all, an ordinary
// one of the user's.
pid_t start_acting(Acting acting) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  (void)::setsid();  // in a session in common anybody may continue anybody
  if (acting == Acting::not_at_all) become({acted_as, acted_as, {}});
  if (acting != Acting::not_at_all && drop_privileges(acting_role) != nullptr) ::_exit(1);
  std::optional<IpcIdentity> ipc;
  std::optional<FileIdentity> file;
  if (acting == Acting::on_ipc_objects) ipc.emplace(acted_as);
  if (acting == Acting::on_files) file.emplace(acted_as, acted_as);
  if ((ipc && !ipc->ok()) || (file && !file->ok())) ::_exit(1);
  while (true) ::pause();
}

// Which of all that a user may do to processes of its own work on this one. The last ends it.
std::set<std::string> what_the_user_can_do_to(pid_t pid) {
  const std::string listed = "/mnt/test/done";
  write_file(listed, "", 0666);
  const Ending ending = as_user({acted_as, acted_as, {}}, [&] {
    std::string done;
    const auto note = [&done](const char* name, bool worked) { done += worked ? std::string(name) + "\n" : ""; };
    const std::string place = "/proc/" + std::to_string(pid);
    const auto opens = [&](const char* name, int flags) {
      const int file = ::open((place + name).c_str(), flags | O_CLOEXEC);
      (void)::close(file);
      return file >= 0;
    };
    note("signal", ::kill(pid, 0) == 0);
    note("continue", ::kill(pid, SIGCONT) == 0);
    note("renice", ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 10) == 0);
    cpu_set_t processors;
    note("bind to processors", ::sched_getaffinity(0, sizeof processors, &processors) == 0 &&
                                   ::sched_setaffinity(pid, sizeof processors, &processors) == 0);
    constexpr sched_param none{};
    note("schedule when idle", ::sched_setscheduler(pid, SCHED_IDLE, &none) == 0);
    note("set I/O priority", ::syscall(SYS_ioprio_set, 1, pid, 3 << 13) == 0);
    rlimit limit{};
    note("read limits", ::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0);
    limit.rlim_cur = 3;
    note("set limits", ::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0);
    note("open memory", opens("/mem", O_RDWR));
    note("list descriptors", opens("/fd", O_RDONLY | O_DIRECTORY));
    note("change score", opens("/oom_score_adj", O_WRONLY));
    char byte = 0;
    iovec here{&byte, 1};
    iovec there{const_cast<char*>(&acting_role.name[0]), 1};
    note("read memory", ::process_vm_readv(pid, &here, 1, &there, 1, 0) == 1);
    note("trace", ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 && ::ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    note("stop", ::kill(pid, SIGSTOP) == 0);
    note("kill", ::kill(pid, SIGKILL) == 0);
    const int file = ::open(listed.c_str(), O_WRONLY | O_CLOEXEC);
    return ::write(file, done.data(), done.size()) == static_cast<ssize_t>(done.size()) ? 0 : 1;
  });
  EXPECT_EQ(ending, exited(0));
  std::set<std::string> done;
  const std::string text = read_file(listed);
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    done.insert(text.substr(begin, end - begin));
  }
  return done;
}

class ActingAsSomebody : public PrivateWorldTest {};

TEST_F(ActingAsSomebody, gives_that_user_no_hold_on_the_process) {
  const pid_t ordinary = start_acting(Acting::not_at_all);
  ASSERT_TRUE(eventually([&] { return status_of(ordinary).at("Uid").starts_with(std::to_string(acted_as)); }));
  ::usleep(20'000);
  EXPECT_EQ(what_the_user_can_do_to(ordinary).size(), 15U)
      << "the control: all of it works on a process of one's own";
  const auto acts = [](pid_t pid, const std::string& uids) {
    return eventually([&] { return status_of(pid).at("Uid") == uids; });
  };
  const std::string own = std::to_string(acting_uid);
  const std::string theirs = std::to_string(acted_as);
  const pid_t on_ipc = start_acting(Acting::on_ipc_objects);
  ASSERT_TRUE(acts(on_ipc, own + " " + theirs + " " + own + " " + theirs)) << status_of(on_ipc).at("Uid");
  const pid_t on_files = start_acting(Acting::on_files);
  ASSERT_TRUE(acts(on_files, own + " " + own + " " + own + " " + theirs)) << status_of(on_files).at("Uid");
  for (const pid_t pid : {on_ipc, on_files}) {
    const auto before = status_of(pid);
    EXPECT_EQ(before.at("CapEff"), "0000000000000000");
    EXPECT_NE(before.at("CapPrm"), "0000000000000000") << "or the user could renice it";
    EXPECT_EQ(what_the_user_can_do_to(pid), std::set<std::string>{});
    for (const char* const key : {"Uid", "CapPrm", "State"}) EXPECT_EQ(status_of(pid).at(key), before.at(key));
    EXPECT_TRUE(is_running(pid));
  }
}

}  // namespace
}  // namespace secshr::test
