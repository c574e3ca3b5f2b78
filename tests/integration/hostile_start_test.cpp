// Starts in a process or a machine that lacks something, where only the real broker shows what comes of it: it serves
// in full, or nobody serves and the log says why.
#include <fcntl.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "secshr/privilege/syscall_policy.h"
#include "secshr_paths.h"
#include "tests/integration/database_file.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class HostileStart : public BrokerTest {
 protected:
  // The wrapper, run by the first user where these are in no bounding set.
  static Ending start_without(const std::vector<int>& capabilities, const std::function<void()>& before_exec = {}) {
    const Command command = start_command();
    return as_user({0, 0, {}}, [&] {
      for (const int capability : capabilities) {
        if (::prctl(PR_CAPBSET_DROP, capability) != 0) return 126;
      }
      become(first_user);
      if (before_exec) before_exec();
      std::string name = command.program;
      std::string tmp_variable = command.environment.at(0);
      char* arguments[] = {name.data(), nullptr};
      char* environment[] = {tmp_variable.data(), nullptr};
      (void)::execve(name.c_str(), arguments, environment);
      return 127;
    });
  }
  // Each kind of helper is asked for something.
  static void expect_all_of_it_works() {
    const auto reader = connect(first_user);
    const std::string database = data + "/mumps.dat";
    write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
    const IpcIds ids = ids_of(make_set(*reader), make_segment(*reader));
    (void)expect_answer(*reader, FlushHeader{ids, database}, served);
    EXPECT_EQ(read_file(database), DatabaseImage{.ids = ids}.text());
    const auto other = connect(second_user);
    (void)expect_answer(*other, protocol::RemoveSemaphoreSet{make_set(*reader, 0666)}, served);
  }
  static void lower(__rlimit_resource resource, rlim_t size) {
    const rlimit limit{size, size};
    if (::setrlimit(resource, &limit) != 0) ::_exit(126);
  }
};

// --- Capabilities ---

TEST_F(HostileStart, without_a_capability_that_a_process_of_ours_needs_nobody_serves_and_the_log_says_which) {
  const auto refuse = [](const std::vector<int>& capabilities, const std::string& line) {
    SCOPED_TRACE(line);
    (void)system_log();
    forget_failed_starts();
    EXPECT_EQ(start_without(capabilities), ending_of(StartStatus::other));
    EXPECT_EQ(system_log(), std::vector<std::string>{line});
    EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); })) << "something was left running";
    EXPECT_FALSE(lock_holder().has_value());
    EXPECT_FALSE(exists(server_in()));
  };
  // The wrapper itself cannot do without these.
  refuse({CAP_SETGID}, "reason=identity detail=none");
  refuse({CAP_SETPCAP}, "reason=bounding-set detail=none");
  const std::string lacks = "reason=capabilities detail=cause=\"lacks ";
  refuse({CAP_DAC_OVERRIDE}, lacks + "cap_dac_override\"");
  refuse({CAP_FOWNER}, lacks + "cap_fowner\"");
  refuse({CAP_KILL}, lacks + "cap_kill\"");
  refuse({CAP_SETUID}, lacks + "cap_setuid\"");
  refuse({CAP_KILL, CAP_DAC_OVERRIDE}, lacks + "cap_dac_override cap_kill\"");
  // None of them has left anything that hinders the next.
  const pid_t broker = serve();
  expect_all_of_it_works();
  // Nor does one that could not serve put an end to one that does.
  ask_for_renewal();
  EXPECT_EQ(start_without({CAP_KILL}), ending_of(StartStatus::other));
  EXPECT_EQ(lock_holder(), broker);
  expect_all_of_it_works();
}

TEST_F(HostileStart, with_no_capabilities_but_those_that_it_needs_all_is_served) {
  std::vector<int> others;
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    const auto& needed = bounding_capabilities;
    if (std::ranges::find(needed, capability) == needed.end()) others.push_back(capability);
  }
  EXPECT_EQ(start_without(others), exited(0));
  expect_all_of_it_works();
}

// --- Limits ---

// The wrapper lets these pass where it cannot raise them, so they must do.
TEST_F(HostileStart, the_lowest_limits_that_the_wrapper_lets_pass_are_enough_for_the_broker) {
  constexpr rlim_t mebibyte = 1U << 20;
  const auto lower_all = [] {
    lower(RLIMIT_NOFILE, 512);
    lower(RLIMIT_NPROC, 64);
    lower(RLIMIT_FSIZE, 1024 * mebibyte);
    lower(RLIMIT_STACK, mebibyte);
    // A sanitizer's shadow alone is larger than any such limit.
    if (is_sanitized) return;
    lower(RLIMIT_DATA, 256 * mebibyte);
    lower(RLIMIT_AS, 1024 * mebibyte);
  };
  EXPECT_EQ(start_without({CAP_SYS_RESOURCE}, lower_all), exited(0));
  expect_all_of_it_works();
}

TEST_F(HostileStart, limits_that_the_wrapper_does_not_know_of_take_nothing_from_the_broker) {
  const auto lower_others = [] {
    lower(RLIMIT_SIGPENDING, 0);
    lower(RLIMIT_MEMLOCK, 0);
    lower(RLIMIT_MSGQUEUE, 0);
    lower(RLIMIT_RTTIME, 0);
    lower(RLIMIT_NICE, 0);
    lower(RLIMIT_RTPRIO, 0);
    lower(RLIMIT_RSS, 0);
    lower(RLIMIT_LOCKS, 0);
  };
  EXPECT_EQ(start_without({CAP_SYS_RESOURCE}, lower_others), exited(0));
  expect_all_of_it_works();
  // Its signals come: a helper that dies is noticed, and it ends in order.
  const auto killed = wait_for_processes().lookers;
  for (const pid_t looker : killed) EXPECT_EQ(::kill(looker, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] {
    const auto now = find_broker_processes().lookers;
    return now.size() == killed.size() && now != killed;
  }));
  ASSERT_EQ(::kill(*lock_holder(), SIGTERM), 0);
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  expect_ended("terminated");
}

// --- The starter's terminal ---

TEST_F(HostileStart, what_happens_to_the_terminal_of_who_started_it_does_not_reach_the_broker) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(master, 0);
  ASSERT_EQ(::grantpt(master), 0);
  ASSERT_EQ(::unlockpt(master), 0);
  const std::string name = ::ptsname(master);
  ASSERT_EQ(::chown(name.c_str(), u1, g1), 0);
  // A shell, and in its foreground a job that has the broker started and stays. (A group without a shell is not
  // stopped by its terminal.)
  const std::string told = tmp + "/told";
  const std::string stopped = tmp + "/stopped";
  Command session = start_command();
  session.before_exec = [&] {
    (void)::setsid();
    const int terminal = ::open(name.c_str(), O_RDWR);
    if (terminal < 0) ::_exit(126);
    for (int number = 0; number < 3; ++number) (void)::dup2(terminal, number);
    const pid_t job = ::fork();
    int status = -1;
    if (job != 0) {
      if (::waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) (void)::creat(stopped.c_str(), 0644);
      while (true) ::pause();
    }
    (void)::setpgid(0, 0);
    (void)::signal(SIGTTOU, SIG_IGN);
    (void)::tcsetpgrp(0, ::getpid());
    (void)::signal(SIGTTOU, SIG_DFL);
    const pid_t starter = ::fork();
    if (starter == 0) return;  // goes on as the wrapper
    if (::waitpid(starter, &status, 0) == starter && status == 0) (void)::creat(told.c_str(), 0644);
    while (true) ::pause();
  };
  Running shell = start_as(first_user, session);
  ASSERT_TRUE(eventually([&] { return exists(told); }));
  expect_serving();
  const pid_t broker = *lock_holder();
  const auto processes = wait_for_processes().all();
  // Nobody has written to it.
  ASSERT_EQ(::fcntl(master, F_SETFL, O_NONBLOCK), 0);
  std::array<char, 64> written{};
  EXPECT_EQ(::read(master, written.data(), written.size()), -1) << written.data();
  // The control: Ctrl-Z stops the job.
  ASSERT_EQ(::write(master, "\x1a", 1), 1);
  ASSERT_TRUE(eventually([&] { return exists(stopped); }));
  ASSERT_EQ(::write(master, "\x1c\x03", 2), 2);
  (void)::close(master);
  EXPECT_EQ(shell.wait().ending, killed_by(SIGHUP));
  EXPECT_EQ(lock_holder(), broker);
  for (const pid_t pid : processes) {
    EXPECT_TRUE(is_running(pid)) << pid;
    EXPECT_FALSE(status_of(pid).at("State").starts_with("T")) << pid;
  }
  expect_all_of_it_works();
}

// --- Core files ---

TEST_F(HostileStart, none_of_its_processes_dumps_core_when_it_dies_of_a_signal_whatever_its_starter_allowed) {
  // Who is the reaper of what the wrapper leaves behind is told how it ended.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const std::string scratch = "/mnt/test/core";
  make_directory(scratch);
  const auto dumps_core = [](pid_t pid) {
    // A sanitizer would take the other for a fault in the program, and tell of it.
    EXPECT_EQ(::kill(pid, is_sanitized ? SIGQUIT : SIGSEGV), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
    return WCOREDUMP(status) != 0;
  };
  const auto allow = [] {
    const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CORE, &limit) != 0) ::_exit(126);
  };
  const pid_t control = ::fork();
  if (control == 0) {
    if (::chdir(scratch.c_str()) != 0) ::_exit(126);
    allow();
    while (true) ::pause();
  }
  ASSERT_TRUE(eventually([&] { return fs::read_symlink("/proc/" + std::to_string(control) + "/cwd") == scratch; }));
  ::usleep(20'000);
  const bool can_dump = dumps_core(control);
  Command command = start_command();
  command.before_exec = allow;
  ASSERT_EQ(run_as(first_user, command).ending, exited(0));
  EXPECT_FALSE(dumps_core(*lock_holder()));
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
  kill_other_processes();
  if (!can_dump) SECSHR_SKIP("no process dumps core here");
}

// --- $gtm_tmp ---

// Not sticky: everybody may take the server's name away. Nobody can have anything served by it, or keep it.
TEST_F(HostileStart, a_directory_that_everybody_may_change_is_served_and_a_name_that_was_taken_away_comes_back) {
  ASSERT_EQ(::chmod(tmp.c_str(), 0777), 0);
  (void)serve();
  expect_all_of_it_works();
  EXPECT_EQ(as_user(second_user, [] { return ::unlink(server_in().c_str()) == 0 ? 0 : errno; }), exited(0));
  Client squatter(second_user);
  ASSERT_EQ(squatter.bind(server_in()), 0);
  EXPECT_TRUE(eventually([] { return start().ending == exited(0); }));
  EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
  expect_all_of_it_works();
  EXPECT_FALSE(squatter.receive(silence).has_value());
}

// u1's own directory: what is under its name by now is another matter than what is served.
TEST_F(HostileStart, a_directory_that_was_made_again_or_is_a_link_by_now_is_not_what_is_served) {
  const std::string own = "/mnt/test/u1/tmp";
  const std::string moved = "/mnt/test/u1/moved";
  const std::string others = "/mnt/test/others";
  make_directory("/mnt/test/u1", 0755, u1, g1);
  make_directory(others, 01755, u2, g2);
  const auto as_first = [](const std::function<void()>& body) {
    ASSERT_EQ(as_user(first_user,
                      [&] {
                        body();
                        return 0;
                      }),
              exited(0));
  };
  for (const bool by_link : {false, true}) {
    SCOPED_TRACE(by_link ? "link" : "directory");
    make_directory(own, 01777, u1, g1);
    (void)serve(first_user, own);
    as_first([&] {
      fs::rename(own, moved);
      if (by_link) return fs::create_directory_symlink(others, own);
      fs::create_directory(own);
      fs::permissions(own, fs::perms(01777));
    });
    expect_serving(moved);
    EXPECT_FALSE(exists(server_in(others)));
    EXPECT_TRUE(by_link || !exists(server_in(own)));
    // The next start goes by what is there: u1's own directory, and not one where u1 could create nothing.
    if (by_link) {
      EXPECT_EQ(start(first_user, own).ending, ending_of(StartStatus::directory));
      EXPECT_TRUE(fs::is_empty(others));
    } else {
      (void)serve(first_user, own);
      expect_serving(own);
    }
    expect_serving(moved);
    kill_other_processes();
    fs::remove_all("/mnt/test/u1/moved");
    fs::remove_all(own);
  }
}

TEST_F(HostileStart, a_directory_of_any_bytes_is_served_and_is_one_printable_line_of_the_log) {
  // No UTF-8, a C1 control, a mark that turns the direction of what follows, formats, and the log's own marks.
  for (const std::string name :
       {"\xff\xfe", "\xc2\x9b[31m", "\xe2\x80\xaegol", "%n%s{}", "a\" event=ended x=\"", "\\x0a"}) {
    const std::string directory = "/mnt/test/" + name;
    SCOPED_TRACE(testing::PrintToString(directory));
    make_directory(directory, 01777);
    (void)serve(first_user, directory);
    expect_serving(directory);
    ASSERT_EQ(::kill(*lock_holder(), SIGTERM), 0);
    ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
    const auto found = events();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].at("event"), "started");
    EXPECT_EQ(found[1].at("event"), "ended");
    for (const char byte : read_file(log_file)) EXPECT_TRUE(byte == '\n' || (byte >= ' ' && byte <= '~')) << byte;
    fs::remove(log_file);
    fs::remove_all("/run/secshr/test");
  }
}

TEST_F(HostileStart, a_directory_one_byte_too_long_means_slash_tmp_and_nothing_is_cut_into_another_path) {
  const std::string longest = tmp + "/" + std::string(86 - tmp.size() - 1, 'd');
  make_directory(longest, 01777);
  make_directory(longest + "d", 01777);
  (void)serve(first_user, longest + "d");
  EXPECT_EQ(system_log(), std::vector<std::string>{"reason=tmp-replaced detail=none"});
  expect_serving("/tmp");
  for (const std::string& directory : {longest, longest + "d", tmp}) EXPECT_FALSE(exists(server_in(directory)));
}

// --- $gtm_log ---

TEST_F(HostileStart, a_log_where_its_user_could_create_no_file_is_written_nowhere_and_that_is_said) {
  const std::string own = "/mnt/test/own";
  make_directory(own, 0755, u1, g1);
  make_directory("/etc/cron.d");
  const auto serve_with_log_in = [](const std::string& directory) {
    Command command = start_command();
    command.environment.push_back("gtm_log=" + directory);
    EXPECT_EQ(run_as(first_user, command).ending, exited(0)) << directory;
  };
  // Where the last ones lead to would be good.
  for (const std::string directory :
       {"/etc", "/etc/cron.d", "/root", "/var/log", "/proc/self/cwd", "/proc/self/root/mnt/test/own",
        "/proc/1/root/mnt/test/own", "/dev/fd/3", "/proc/self/fd/3"}) {
    SCOPED_TRACE(directory);
    serve_with_log_in(directory);
    const auto found = events();
    EXPECT_TRUE(std::ranges::any_of(found, [](const LogRecord& event) {
      return event.at("event") == "log-copy-refused" && event.at("detail").contains("not-creatable");
    }));
    EXPECT_FALSE(exists(directory + "/gtm_secshr_log"));
    expect_serving();
    kill_other_processes();
    fs::remove(log_file);
  }
  EXPECT_TRUE(fs::is_empty(own));
  serve_with_log_in(own);
  EXPECT_TRUE(eventually([&] { return exists(own + "/gtm_secshr_log"); }));
}

// --- Locks ---

TEST_F(HostileStart, a_user_who_locks_all_that_it_can_open_in_every_way_is_not_in_the_way) {
  const pid_t broker = serve();
  ASSERT_EQ(::kill(broker, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  const std::vector<std::string> places{"/",
                                        "/run",
                                        "/run/secshr",
                                        "/run/secshr/test",
                                        "/run/secshr/test/counters",
                                        "/etc/secshr",
                                        paths::configuration,
                                        "/etc/secshr/installations.d",
                                        "/var/log/secshr",
                                        "/var/log/secshr/test",
                                        "/usr/libexec/secshr",
                                        paths::broker,
                                        wrapper,
                                        distribution,
                                        tmp,
                                        "/tmp",
                                        lock_file,
                                        log_file};
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const Running locker =
      start_as(second_user, {"/usr/bin/true", {"true"}, {}, [&places] {
                               (void)::signal(SIGIO, SIG_IGN);  // what F_NOTIFY sends
                               int locked = 0;
                               for (const auto& place : places) {
                                 const int file = ::open(place.c_str(), O_RDONLY | O_CLOEXEC);
                                 if (file < 0) continue;
                                 struct flock range{};
                                 range.l_type = F_RDLCK;
                                 (void)::fcntl(file, F_OFD_SETLK, &range);
                                 (void)::fcntl(file, F_SETLEASE, F_RDLCK);
                                 (void)::fcntl(file, F_NOTIFY, DN_ACCESS | DN_CREATE | DN_MULTISHOT);
                                 if (::flock(file, LOCK_EX | LOCK_NB) == 0) ++locked;
                               }
                               const int told = ::open("/mnt/test/tmp/locked", O_CREAT | O_WRONLY, 0644);
                               (void)!::write(told, &locked, sizeof locked);
                               while (true) ::pause();
                             }});
  (void)locker;
  ASSERT_TRUE(
      eventually([] { return exists("/mnt/test/tmp/locked") && !read_file("/mnt/test/tmp/locked").empty(); }));
  EXPECT_GT(static_cast<unsigned char>(read_file("/mnt/test/tmp/locked")[0]), 10)
      << "the attack locks next to nothing";
  (void)serve();
  expect_all_of_it_works();
}

}  // namespace
}  // namespace secshr::test
