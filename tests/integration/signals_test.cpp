// Waking and continuing: which processes the two signals reach. Those of the adopted installation, by what they run
// or map, whoever they belong to and whoever asks; and never one that an alarm would kill.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/namespaces.h"
#include "tests/integration/next_number.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const Expected not_ours = refused(EPERM, "proc.install");
const Expected would_die = refused(EPERM, "wake.caught");

class BrokerSignals : public BrokerTest {
 protected:
  inline static const std::string program = distribution + "/mumps";
  inline static const std::string library = distribution + "/libgtmshr.so";
  inline static const std::string plain = "/mnt/test/plain/mumps";
  inline static const std::string other_installation = "/mnt/test/other-dist";

  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    install_built("tests/sleeper", program, 0755);
    install_built("tests/sleeper", library, 0644);
    install_built("tests/sleeper", plain, 0755);
    make_distribution(other_installation);
    install_built("tests/sleeper", other_installation + "/mumps", 0755);
    broker_ = serve();
    asker_ = connect(first_user);
  }
  void TearDown() override {
    asker_.reset();
    BrokerTest::TearDown();
  }

  // Runs the program until it has stopped itself.
  static pid_t start_stopped(const Identity& identity, const std::string& path,
                             std::vector<std::string> arguments = {"caught"},
                             const std::function<void()>& before_exec = {}) {
    arguments.insert(arguments.begin(), "mumps");
    const pid_t pid = start_as(identity, {path, arguments, {}, before_exec}).pid();
    EXPECT_TRUE(eventually([pid] { return is_stopped(pid); })) << path;
    return pid;
  }
  static pid_t start_sleeping(const Identity& identity, const std::string& path,
                              std::vector<std::string> arguments = {"caught"}) {
    const pid_t pid = start_stopped(identity, path, std::move(arguments));
    resume({pid});
    EXPECT_TRUE(eventually([pid] { return status_of(pid).at("State").starts_with('S'); }));
    return pid;
  }
  static bool is_stopped(pid_t pid) {
    const auto status = status_of(pid);
    return status.contains("State") && status.at("State").starts_with('T');
  }

  void expect_continued(pid_t pid) {
    ASSERT_TRUE(is_stopped(pid));
    const auto record = expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
    EXPECT_EQ(record.at("req"), "continue");
    EXPECT_EQ(record.at("obj"), std::to_string(pid));
    EXPECT_TRUE(eventually([pid] { return is_running(pid) && !is_stopped(pid); }));
  }
  // Neither request reaches it: it stays stopped, and no alarm waits for it.
  void expect_out_of_reach(pid_t pid, const Expected& expected = not_ours) {
    SCOPED_TRACE(pid);
    ASSERT_TRUE(is_stopped(pid));
    (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, expected);
    (void)expect_answer(*asker_, protocol::Wake{pid}, expected);
    EXPECT_TRUE(is_stopped(pid));
    const auto status = status_of(pid);
    EXPECT_EQ(status.at("ShdPnd"), "0000000000000000");
    EXPECT_EQ(status.at("SigPnd"), "0000000000000000");
  }
  // Neither request that names `number` reaches the stopped process.
  void expect_out_of_reach_by(pid_t number, pid_t pid) {
    expect_refused(number, refused(EINVAL, "proc.install"));
    EXPECT_TRUE(is_stopped(pid)) << number;
    EXPECT_EQ(status_of(pid).at("ShdPnd"), "0000000000000000") << number;
  }
  void expect_refused(pid_t pid, const Expected& expected) {
    SCOPED_TRACE(pid);
    (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, expected);
    (void)expect_answer(*asker_, protocol::Wake{pid}, expected);
  }

  pid_t broker_ = -1;
  std::unique_ptr<Client> asker_;
};

// --- Which processes ---

TEST_F(BrokerSignals, continues_a_stopped_process_of_the_installation_that_is_another_users) {
  // In a session of its own: the kernel lets everybody continue what is of one's own session.
  const pid_t pid = start_stopped(second_user, program, {"caught"}, [] { (void)::setsid(); });
  EXPECT_EQ(as_user(first_user, [pid] { return ::kill(pid, SIGCONT) == 0 ? 0 : errno; }), exited(EPERM));
  const auto record = expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
  EXPECT_TRUE(eventually([pid] { return !is_stopped(pid); }));
  EXPECT_EQ(record.at("owner"), std::to_string(u2));
  EXPECT_EQ(record.at("mode"), "-");
  expect_sender(record, *asker_, first_user);
  // One that runs already stays as it is.
  (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
  EXPECT_TRUE(is_running(pid));
}

TEST_F(BrokerSignals, whoever_maps_a_library_of_the_installation_to_run_it_is_of_the_installation) {
  expect_continued(start_stopped(second_user, plain, {"caught", "executable", library}));
  // To read it is not to run it, and it is what anybody may do.
  expect_out_of_reach(start_stopped(second_user, plain, {"caught", "readable", library}));
  expect_out_of_reach(start_stopped(second_user, plain, {"caught", "readable", program}));
  // A copy of it is not it, and neither is another one's of the same name.
  expect_out_of_reach(start_stopped(second_user, plain, {"caught", "executable", plain}));
  expect_out_of_reach(
      start_stopped(second_user, plain, {"caught", "executable", other_installation + "/libgtmshr.so"}));
}

TEST_F(BrokerSignals, refuses_a_process_that_is_not_of_the_installation) {
  expect_out_of_reach(start_stopped(second_user, plain));
  expect_out_of_reach(start_stopped(second_user, other_installation + "/mumps"));
  expect_out_of_reach(start_stopped(second_user, plain, {"default"}));
  // Not even the client's own.
  expect_out_of_reach(start_stopped(first_user, plain));
  // Ordinary ones: stopped, so that it shows.
  const auto other = connect(second_user);
  stop({other->pid()});
  expect_out_of_reach(other->pid());
  resume({other->pid()});
  expect_continued(start_stopped(second_user, program));
}

TEST_F(BrokerSignals, links_to_a_program_of_the_installation_are_that_program) {
  fs::create_symlink(program, "/mnt/test/plain/symbolic");
  fs::create_hard_link(program, "/mnt/test/plain/hard");
  expect_continued(start_stopped(second_user, "/mnt/test/plain/symbolic"));
  expect_continued(start_stopped(second_user, "/mnt/test/plain/hard"));
}

TEST_F(BrokerSignals, refuses_what_is_not_a_process) {
  for (const pid_t pid : {0, -1, -::getpgrp(), -asker_->pid(), INT_MIN, INT_MIN + 1}) {
    expect_refused(pid, refused(EINVAL, "proc.install"));
  }
  // Ourselves are in the groups that were named.
  EXPECT_TRUE(is_running(asker_->pid()));
  expect_serving();
}

TEST_F(BrokerSignals, the_negative_number_of_a_group_of_the_installations_own_processes_reaches_none_of_them) {
  const pid_t pid = start_stopped(second_user, program, {"caught"}, [] { (void)::setpgid(0, 0); });
  ASSERT_EQ(::getpgid(pid), pid);
  for (const pid_t group : {-pid, -1, 0}) expect_out_of_reach_by(group, pid);
  expect_continued(pid);
}

TEST_F(BrokerSignals, refuses_a_thread_of_a_process_that_it_would_signal) {
  const pid_t pid = start_stopped(second_user, program);
  std::vector<pid_t> threads;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    const pid_t thread = std::stoi(entry.path().filename());
    if (thread != pid) threads.push_back(thread);
  }
  ASSERT_EQ(threads.size(), 1U);
  expect_refused(threads[0], not_ours);
  EXPECT_TRUE(is_stopped(pid));
  expect_continued(pid);
}

TEST_F(BrokerSignals, refuses_the_first_process_the_broker_and_its_helpers) {
  expect_refused(1, not_ours);
  const auto ours = wait_for_processes().all();
  for (const pid_t pid : ours) expect_refused(pid, not_ours);
  for (const pid_t pid : ours) EXPECT_TRUE(is_running(pid)) << pid;
  EXPECT_TRUE(wait_for_processes().complete());
}

// Documented: without a capability to trace, nobody but root can see what root's process runs.
TEST_F(BrokerSignals, refuses_a_process_of_roots_even_of_the_installation) {
  expect_out_of_reach(start_stopped({0, 0, {}}, program));
}

TEST_F(BrokerSignals, refuses_a_process_whose_ids_differ_among_themselves) {
  expect_out_of_reach(start_stopped({0, 0, {}}, program, {"caught"}, [] {
    if (::setresgid(g2, g2, g2) != 0 || ::setresuid(u2, u3, u3) != 0) ::_exit(126);
  }));
  // And a setuid program of the installation, which runs as more than its caller.
  const std::string setuid_program = distribution + "/setuid";
  install_built("tests/sleeper", setuid_program, 04755, u3, g3);
  ASSERT_EQ(::kill(broker_, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  (void)serve();
  expect_out_of_reach(start_stopped(second_user, setuid_program));
  ASSERT_EQ(::chmod(setuid_program.c_str(), 0755), 0);
  expect_continued(start_stopped(second_user, setuid_program));
}

TEST_F(BrokerSignals, refuses_a_process_that_hides_what_it_maps) {
  // Executable but not readable: the kernel then keeps what it maps from everybody.
  const std::string hidden = distribution + "/hidden";
  install_built("tests/sleeper", hidden, 0711);
  ASSERT_EQ(::kill(broker_, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  (void)serve();
  expect_out_of_reach(start_stopped(second_user, hidden));
  ASSERT_EQ(::chmod(hidden.c_str(), 0755), 0);
  expect_continued(start_stopped(second_user, hidden));
}

TEST_F(BrokerSignals, refuses_everything_where_proc_hides_other_users_processes) {
  const pid_t pid = start_stopped(second_user, program);
  {
    const HiddenProcesses hidden;
    (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, not_ours);
    EXPECT_TRUE(is_stopped(pid));
  }
  expect_continued(pid);
}

// A broker with mounts of its own, over whose /proc something else can be put.
TEST_F(BrokerSignals, refuses_everything_where_there_is_no_proc) {
  asker_.reset();
  kill_other_processes();
  const Namespaces mounts(CLONE_NEWNS);
  ASSERT_EQ(mounts.run(first_user, start_command()), exited(0));
  asker_ = connect(first_user);
  const pid_t pid = start_stopped(second_user, program);
  const auto try_both = [&] {
    const std::size_t before = records().size();
    for (const protocol::Request& request :
         {protocol::Request(protocol::ContinueProcess{pid}), protocol::Request(protocol::Wake{pid})}) {
      ASSERT_EQ(asker_->send(server_in(), datagram(*asker_, request)), 0);
    }
    // Whether there is anybody to reply to cannot be told, either.
    ASSERT_TRUE(eventually([&] { return records().size() == before + 2; }));
    const auto after = records();
    for (std::size_t index = before; index < after.size(); ++index) {
      EXPECT_EQ(after[index].at("verdict"), "dropped");
      EXPECT_EQ(after[index].at("rule"), "sock.name");
    }
    EXPECT_TRUE(is_stopped(pid));
    EXPECT_EQ(status_of(pid).at("ShdPnd"), "0000000000000000");
  };
  const auto cover = [&](const char* type) {
    return mounts.run([type] { return ::mount("secshr-tests", "/proc", type, 0, nullptr) == 0 ? 0 : errno; });
  };
  const auto uncover = [&] { return mounts.run([] { return ::umount2("/proc", MNT_DETACH) == 0 ? 0 : errno; }); };
  ASSERT_EQ(cover("tmpfs"), exited(0));
  try_both();
  ASSERT_EQ(uncover(), exited(0));
  expect_continued(pid);
}

TEST_F(BrokerSignals, a_process_that_has_executed_something_else_is_what_it_is_now) {
  const auto lookers = wait_for_processes().lookers;
  // Before it is looked at, the process of the installation becomes an ordinary one.
  const auto changing = connect(second_user);
  stop(lookers);
  ASSERT_EQ(asker_->send(server_in(), datagram(*asker_, protocol::Wake{changing->pid()})), 0);
  EXPECT_FALSE(asker_->receive(silence).has_value());
  changing->start([path = Text(plain)] {
    char name[] = "mumps";
    char alarm[] = "default";
    char* arguments[] = {name, alarm, nullptr};
    char* environment[] = {nullptr};
    return ::execve(path.text, arguments, environment);
  });
  ASSERT_TRUE(eventually([&] { return is_stopped(changing->pid()); }));
  resume(lookers);
  const auto reply = asker_->receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(static_cast<int>(reply->at(0)), EPERM);
  EXPECT_TRUE(is_stopped(changing->pid()));
}

// --- Ended ones ---

TEST_F(BrokerSignals, a_zombie_is_gone) {
  const pid_t pid = start_stopped(second_user, program);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  // Its first thread may end before its second.
  ASSERT_TRUE(eventually([&] {
    const auto status = status_of(pid);
    return status.at("State").starts_with('Z') && status.at("Threads") == "1";
  }));
  expect_refused(pid, refused(ESRCH, "proc.install"));
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

TEST_F(BrokerSignals, to_continue_what_has_ended_is_done_already_and_to_wake_it_is_esrch) {
  const pid_t pid = start_stopped(second_user, program);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  for (const pid_t gone : {pid, INT_MAX}) {
    (void)expect_answer(*asker_, protocol::ContinueProcess{gone}, served);
    (void)expect_answer(*asker_, protocol::Wake{gone}, refused(ESRCH, "proc.install"));
  }
}

TEST_F(BrokerSignals, one_that_ends_while_it_is_looked_at_is_esrch_whoever_gets_its_number) {
  const auto lookers = wait_for_processes().lookers;
  for (const bool wake : {false, true}) {
    SCOPED_TRACE(wake);
    const pid_t pid = start_stopped(second_user, program);
    stop(lookers);
    const protocol::Request request =
        wake ? protocol::Request(protocol::Wake{pid}) : protocol::Request(protocol::ContinueProcess{pid});
    ASSERT_EQ(asker_->send(server_in(), datagram(*asker_, request)), 0);
    expect_serving();
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
    // The next process gets just this number.
    if (!choose_next_pid(pid)) SECSHR_SKIP("process numbers cannot be chosen");
    const pid_t next = start_stopped(second_user, program);
    EXPECT_EQ(next, pid);
    resume(lookers);
    const auto reply = asker_->receive();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(static_cast<int>(reply->at(0)), ESRCH);
    EXPECT_TRUE(is_stopped(next));
    EXPECT_EQ(status_of(next).at("ShdPnd"), "0000000000000000");
    // Asked for by its number anew, it is the one that is meant.
    expect_continued(next);
  }
}

// --- Waking ---

TEST_F(BrokerSignals, wakes_one_that_catches_the_alarm) {
  const pid_t pid = start_sleeping(second_user, program, {"caught"});
  const auto record = expect_answer(*asker_, protocol::Wake{pid}, served);
  EXPECT_EQ(record.at("req"), "wake");
  EXPECT_EQ(record.at("owner"), std::to_string(u2));
  EXPECT_EQ(wait_for(pid), exited(14));
}

TEST_F(BrokerSignals, an_alarm_for_one_that_is_stopped_waits_until_it_is_continued) {
  const pid_t pid = start_stopped(second_user, program, {"caught"});
  (void)expect_answer(*asker_, protocol::Wake{pid}, served);
  EXPECT_TRUE(is_stopped(pid));
  (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
  EXPECT_EQ(wait_for(pid), exited(14));
}

TEST_F(BrokerSignals, refuses_to_wake_one_that_would_die_of_it_or_ignores_it) {
  for (const char* const alarm : {"default", "ignored"}) {
    SCOPED_TRACE(alarm);
    const pid_t pid = start_sleeping(second_user, program, {alarm});
    const auto record = expect_answer(*asker_, protocol::Wake{pid}, would_die);
    EXPECT_EQ(record.at("owner"), std::to_string(u2));
    ::usleep(20'000);
    EXPECT_TRUE(is_running(pid));
    // It can be continued all the same.
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    ASSERT_TRUE(eventually([&] { return is_stopped(pid); }));
    expect_continued(pid);
  }
}

TEST_F(BrokerSignals, what_is_caught_is_read_from_the_process_and_not_from_its_name) {
  // Names that look like lines of /proc/<pid>/status and like the end of a name in /proc/<pid>/stat.
  for (const std::string name :
       {"x) T 1 (", "a\nSigCgt:\tffff", "\nUid:\t1 1 1 1", "%n{}\x1b[2J", "\xff\xfe\xc2\x9b"}) {
    SCOPED_TRACE(testing::PrintToString(name));
    pid_t pid = start_stopped(second_user, program, {"default", "named", name});
    (void)expect_answer(*asker_, protocol::Wake{pid}, would_die);
    expect_continued(pid);
    pid = start_sleeping(second_user, program, {"caught", "named", name});
    (void)expect_answer(*asker_, protocol::Wake{pid}, served);
    EXPECT_EQ(wait_for(pid), exited(14));
    expect_out_of_reach(start_stopped(second_user, plain, {"caught", "named", name}));
  }
}

TEST_F(BrokerSignals, a_path_that_looks_like_a_line_of_maps_makes_nobody_one_of_the_installation) {
  struct stat status{};
  ASSERT_EQ(::stat(program.c_str(), &status), 0);
  std::array<char, 128> line{};
  (void)std::snprintf(line.data(), line.size(), "x\n00400000-00401000 r-xp 00000000 %02x:%02x %lu mumps",
                      static_cast<unsigned>(status.st_dev >> 8), static_cast<unsigned>(status.st_dev & 0xff),
                      static_cast<unsigned long>(status.st_ino));
  for (const std::string& name : {std::string(line.data()), std::string("mumps (deleted)"), std::string("a b\tc")}) {
    SCOPED_TRACE(testing::PrintToString(name));
    const std::string path = "/mnt/test/plain/" + name;
    install_built("tests/sleeper", path, 0755);
    expect_out_of_reach(start_stopped(second_user, path));
    fs::remove(path);
    // The same name for one that is of the installation changes nothing, either.
    fs::create_hard_link(program, path);
    expect_continued(start_stopped(second_user, path));
  }
}

}  // namespace
}  // namespace secshr::test
