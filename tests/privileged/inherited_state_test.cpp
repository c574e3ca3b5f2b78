// Hostile process state: what survives an exec, and with it gets into a setuid program. Each attack has its control:
// the probe run in the wrapper's place sees the state that the broker must not see.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "secshr_paths.h"
#include "tests/privileged/wrapper_fixture.h"

namespace secshr::test {
namespace {

std::string hexadecimal(std::uint64_t value) {
  std::array<char, 17> text{};
  (void)std::snprintf(text.data(), text.size(), "%016lx", value);
  return text.data();
}

bool may_raise_limits() {
  return ::prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1;
}

class WrapperInheritedState : public WrapperTest {
 protected:
  // Everything that the handoff pins, in one place; every attack below must end here.
  static void expect_clean(const Report& seen) {
    EXPECT_EQ(seen.at("descriptors"), "0 1 2 3 4");
    for (const char* const number : {"0", "1", "2"}) {
      EXPECT_EQ(seen.at(std::string("descriptor.") + number), "/dev/null:both");
    }
    EXPECT_EQ(seen.at("descriptor.3"), "socket:both");
    EXPECT_EQ(seen.at("descriptor.4"), wrapper + ":path");

    EXPECT_EQ(seen.at("status.Uid"), "0 0 0 0");
    EXPECT_EQ(seen.at("status.Gid"), "0 0 0 0");
    EXPECT_EQ(seen.at("status.NoNewPrivs"), "0");
    std::uint64_t bounding = 0;
    for (const int capability : bounding_capabilities) bounding |= std::uint64_t{1} << capability;
    EXPECT_EQ(seen.at("status.CapBnd"), hexadecimal(bounding));
    EXPECT_EQ(seen.at("status.CapPrm"), hexadecimal(bounding));
    EXPECT_EQ(seen.at("status.CapEff"), hexadecimal(bounding));
    EXPECT_EQ(seen.at("status.CapInh"), hexadecimal(0));
    EXPECT_EQ(seen.at("status.CapAmb"), hexadecimal(0));
    EXPECT_EQ(seen.at("secure_bits"), "0");

    EXPECT_EQ(seen.at("status.SigBlk"), hexadecimal(0));
    EXPECT_EQ(seen.at("status.SigIgn"), hexadecimal(0));
    EXPECT_EQ(seen.at("status.SigPnd"), hexadecimal(0));
    EXPECT_EQ(seen.at("status.ShdPnd"), hexadecimal(0));
    EXPECT_EQ(seen.at("signals_not_default"), "");
    for (const char* const timer : {"timer.0", "timer.1", "timer.2"}) EXPECT_EQ(seen.at(timer), "0");
    EXPECT_EQ(seen.at("parent_death_signal"), "0");

    EXPECT_EQ(seen.at("status.Umask"), "0077");
    EXPECT_EQ(seen.at("directory"), "/");
    EXPECT_EQ(seen.at("session"), seen.at("pid"));
    EXPECT_EQ(seen.at("process_group"), seen.at("pid"));
    EXPECT_EQ(seen.at("terminal"), "0");

    EXPECT_EQ(seen.at("nice"), "0");
    EXPECT_EQ(seen.at("scheduler"), std::to_string(SCHED_OTHER));
    EXPECT_EQ(seen.at("io_priority"), "0");
    EXPECT_EQ(seen.at("timer_slack"), "50000");
    EXPECT_EQ(seen.at("personality"), "0");
    EXPECT_EQ(seen.at("time_stamp_counter"), std::to_string(PR_TSC_ENABLE));
    EXPECT_EQ(seen.at("oom_score_adj"), "0");
    EXPECT_EQ(seen.at("limit.core"), "0");
    EXPECT_EQ(seen.at("hard_limit.core"), "0");
  }

  // The wrapper, run by u1 in a machine whose bounding set lacks these, as a container's may.
  static Ending run_without(const std::vector<int>& capabilities, const std::function<void()>& before_exec = {}) {
    write_file("/run/probe-report", "", 0666);
    return as_user({0, 0, {}}, [&] {
      for (const int capability : capabilities) {
        if (::prctl(PR_CAPBSET_DROP, capability) != 0) return 126;
      }
      become({u1, g1, {}});
      if (before_exec) before_exec();
      char* arguments[] = {nullptr};
      (void)::execve(wrapper.c_str(), arguments, arguments);
      return 127;
    });
  }
  static std::function<void()> limited_to(__rlimit_resource resource, rlim_t size) {
    return [resource, size] {
      const rlimit limit{size, size};
      if (::setrlimit(resource, &limit) != 0) ::_exit(126);
    };
  }

  static void expect_full_limits(const Report& seen) {
    const std::map<std::string, std::string> wanted{
        {"nofile", "4096"},  {"nproc", "4096"},     {"cpu", "unlimited"}, {"fsize", "unlimited"},
        {"as", "unlimited"}, {"data", "unlimited"}, {"stack", "8388608"}, {"core", "0"}};
    for (const auto& [name, value] : wanted) EXPECT_EQ(seen.at("limit." + name), value) << name;
  }
};

TEST_F(WrapperInheritedState, an_ordinary_start_hands_over_exactly_what_is_pinned) {
  const Report seen = served(start());
  expect_clean(seen);
  expect_full_limits(seen);
}

// --- Descriptors ---

TEST_F(WrapperInheritedState, standard_descriptors_closed_in_every_combination_become_dev_null) {
  for (unsigned mask = 1; mask < 8; ++mask) {
    const auto close_some = [mask] {
      for (int number = 0; number < 3; ++number) {
        if ((mask & (1U << number)) != 0) (void)::close(number);
      }
    };
    const Report attacked = unprotected(start_after(close_some));
    for (int number = 0; number < 3; ++number) {
      EXPECT_EQ(attacked.contains("descriptor." + std::to_string(number)), (mask & (1U << number)) == 0);
    }
    expect_clean(served(start_after(close_some)));
  }
}

TEST_F(WrapperInheritedState, standard_descriptors_on_the_callers_files_are_never_written_nor_kept) {
  make_directory("/mnt/test/u1", 0777);
  const auto open_files = [] {
    for (int number = 0; number < 3; ++number) {
      const int victim = ::open("/mnt/test/u1/victim", O_RDWR | O_CREAT, 0666);
      if (victim < 0 || ::dup2(victim, number) < 0) ::_exit(126);
    }
  };
  EXPECT_EQ(unprotected(start_after(open_files)).at("descriptor.2"), "/mnt/test/u1/victim:both");
  write_file("/mnt/test/u1/victim", "", 0666);
  expect_clean(served(start_after(open_files)));
  set_probe_status("none");
  (void)run(start_after(open_files));
  EXPECT_EQ(read_file("/mnt/test/u1/victim"), "");
}

TEST_F(WrapperInheritedState, standard_error_on_a_full_pipe_or_a_closed_one_neither_blocks_nor_kills) {
  const auto full_pipe = [] {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK) != 0) ::_exit(126);
    const std::array<char, 4096> block{};
    while (::write(ends[1], block.data(), block.size()) > 0) continue;
    (void)::fcntl(ends[1], F_SETFL, 0);
    (void)::dup2(ends[1], 2);
  };
  const auto closed_pipe = [] {
    int ends[2];
    if (::pipe(ends) != 0) ::_exit(126);
    (void)::dup2(ends[1], 2);
    (void)::close(ends[0]);
  };
  expect_clean(served(start_after(full_pipe)));
  expect_clean(served(start_after(closed_pipe)));
  expect_refusal({wrapper, {wrapper}, {"=x"}, full_pipe}, StartStatus::other,
                 "reason=environment-without-name detail=none");
}

TEST_F(WrapperInheritedState, a_descriptor_above_the_limit_is_closed_all_the_same) {
  const auto open_high = [](rlim_t limit) {
    return [limit] {
      if (::dup2(0, 900) != 900) ::_exit(126);
      const rlimit low{limit, 4096};
      if (::setrlimit(RLIMIT_NOFILE, &low) != 0) ::_exit(126);
    };
  };
  EXPECT_TRUE(unprotected(start_after(open_high(10))).contains("descriptor.900"));
  for (const rlim_t limit : {0U, 3U, 10U}) {
    const Report seen = served(start_after(open_high(limit)));
    expect_clean(seen);
    expect_full_limits(seen);
  }
}

TEST_F(WrapperInheritedState, descriptors_at_the_numbers_of_the_handoff_are_replaced) {
  const auto occupy = [] {
    for (int number = 3; number < 20; ++number) (void)::dup2(0, number);
  };
  EXPECT_EQ(unprotected(start_after(occupy)).at("descriptor.4"), "/dev/null:read");
  expect_clean(served(start_after(occupy)));
}

// --- Limits ---

TEST_F(WrapperInheritedState, soft_limits_are_raised) {
  struct Limit {
    const char* name;
    __rlimit_resource resource;
    rlim_t low;
  };
  constexpr rlim_t mebibyte = 1U << 20;
  const Limit limits[] = {
      {"nofile", RLIMIT_NOFILE, 8},         {"nproc", RLIMIT_NPROC, 1},       {"cpu", RLIMIT_CPU, 1},
      {"fsize", RLIMIT_FSIZE, mebibyte},    {"as", RLIMIT_AS, 16 * mebibyte}, {"data", RLIMIT_DATA, 16 * mebibyte},
      {"stack", RLIMIT_STACK, mebibyte / 2}};
  for (const auto& [name, resource, low] : limits) {
    const auto lower = [resource, low] {
      rlimit limit{};
      (void)::getrlimit(resource, &limit);
      limit.rlim_cur = low;
      if (::setrlimit(resource, &limit) != 0) ::_exit(126);
    };
    SCOPED_TRACE(name);
    EXPECT_EQ(unprotected(start_after(lower)).at(std::string("limit.") + name), std::to_string(low));
    const Report seen = served(start_after(lower));
    expect_clean(seen);
    expect_full_limits(seen);
  }
}

TEST_F(WrapperInheritedState, a_file_size_limit_of_0_1_or_4096_is_raised) {
  for (const rlim_t size : {0U, 1U, 4096U}) {
    const auto lower = [size] {
      const rlimit limit{size, RLIM_INFINITY};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(126);
    };
    expect_full_limits(served(start_after(lower)));
  }
}

TEST_F(WrapperInheritedState, hard_limits_are_raised_or_the_start_is_refused_and_never_half_done) {
  const std::pair<__rlimit_resource, rlim_t> limits[] = {{RLIMIT_NOFILE, 3},
                                                         {RLIMIT_NOFILE, 511},
                                                         {RLIMIT_NPROC, 0},
                                                         {RLIMIT_CPU, 1},
                                                         {RLIMIT_FSIZE, 0},
                                                         {RLIMIT_FSIZE, 1},
                                                         {RLIMIT_FSIZE, 4096},
                                                         {RLIMIT_AS, rlim_t{64} << 20},

                                                         {RLIMIT_DATA, rlim_t{255} << 20},
                                                         {RLIMIT_STACK, rlim_t{512} << 10}};
  for (const auto& [resource, size] : limits) {
    SCOPED_TRACE(std::to_string(resource) + " " + std::to_string(size));
    const auto lower = [resource, size] {
      const rlimit limit{size, size};
      if (::setrlimit(resource, &limit) != 0) ::_exit(126);
    };
    if (may_raise_limits()) {
      const Report seen = served(start_after(lower));
      expect_clean(seen);
      expect_full_limits(seen);
    } else {
      expect_refusal(start_after(lower), StartStatus::other, "reason=limit-too-low detail=none");
    }
  }
}

// On a machine that lets the wrapper raise limits, the refusals above would never be met.
TEST_F(WrapperInheritedState, where_nothing_can_be_raised_what_is_just_enough_is_used_and_one_less_is_refused) {
  struct Limit {
    const char* name;
    __rlimit_resource resource;
    rlim_t enough;
  };
  constexpr rlim_t mebibyte = 1U << 20;
  const Limit limits[] = {{"nofile", RLIMIT_NOFILE, 512},           {"nproc", RLIMIT_NPROC, 64},
                          {"fsize", RLIMIT_FSIZE, 1024 * mebibyte}, {"as", RLIMIT_AS, 1024 * mebibyte},
                          {"data", RLIMIT_DATA, 256 * mebibyte},    {"stack", RLIMIT_STACK, mebibyte}};
  for (const auto& [name, resource, enough] : limits) {
    SCOPED_TRACE(name);
    EXPECT_EQ(run_without({CAP_SYS_RESOURCE}, limited_to(resource, enough)), ending_of(StartStatus::serving));
    expect_clean(report());
    EXPECT_EQ(report().at(std::string("limit.") + name), std::to_string(enough));
    EXPECT_EQ(run_without({CAP_SYS_RESOURCE}, limited_to(resource, enough - 1)), ending_of(StartStatus::other));
    EXPECT_EQ(read_file("/run/probe-report"), "") << "the broker was executed";
    EXPECT_EQ(log_lines(), std::vector<std::string>{"reason=limit-too-low detail=none"});
  }
  // A broker that lives for an hour of processor time is one that ends in the middle of a request.
  EXPECT_EQ(run_without({CAP_SYS_RESOURCE}, limited_to(RLIMIT_CPU, 3600)), ending_of(StartStatus::other));
  EXPECT_EQ(log_lines(), std::vector<std::string>{"reason=limit-too-low detail=none"});
}

TEST_F(WrapperInheritedState, hard_limits_that_leave_enough_are_used_in_full) {
  const auto lower = [] {
    const rlimit limit{3, 512};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(126);
  };
  const Report seen = served(start_after(lower));
  expect_clean(seen);
  EXPECT_EQ(seen.at("limit.nofile"), may_raise_limits() ? "4096" : "512");
}

TEST_F(WrapperInheritedState, too_little_memory_for_any_program_never_gives_a_half_started_broker) {
  const std::pair<__rlimit_resource, rlim_t> limits[] = {
      {RLIMIT_AS, 0},    {RLIMIT_AS, 65536},   {RLIMIT_AS, rlim_t{1} << 20},
      {RLIMIT_STACK, 0}, {RLIMIT_STACK, 4096}, {RLIMIT_DATA, 0}};
  for (const auto& [resource, size] : limits) {
    write_file("/run/probe-report", "", 0666);
    const auto lower = [resource, size] {
      const rlimit limit{size, size};
      if (::setrlimit(resource, &limit) != 0) ::_exit(126);
    };
    const Ending ending = run(start_after(lower)).ending;
    SCOPED_TRACE(testing::PrintToString(ending));
    if (ending == exited(0)) {
      expect_clean(report());
      expect_full_limits(report());
    } else {
      EXPECT_TRUE(ending.by_signal || ending.code == 7 || ending.code == 127);
      EXPECT_EQ(read_file("/run/probe-report"), "");
    }
  }
}

TEST_F(WrapperInheritedState, core_files_are_switched_off) {
  const auto allow = [] {
    const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CORE, &limit) != 0) ::_exit(126);
  };
  EXPECT_EQ(unprotected(start_after(allow)).at("limit.core"), "unlimited");
  expect_clean(served(start_after(allow)));
}

// --- Signals ---

TEST_F(WrapperInheritedState, blocked_and_pending_signals_are_unblocked_and_discarded) {
  const auto block = [] {
    const std::uint64_t all = ~std::uint64_t{0};
    (void)::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, 8);
    for (const int signal : {SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGRTMIN + 2, 32, 33}) {
      (void)::syscall(SYS_tgkill, ::getpid(), ::getpid(), signal);
      (void)::syscall(SYS_kill, ::getpid(), signal);
    }
  };
  const Report attacked = unprotected(start_after(block));
  EXPECT_NE(attacked.at("status.SigPnd"), hexadecimal(0));
  EXPECT_NE(attacked.at("status.ShdPnd"), hexadecimal(0));
  EXPECT_EQ(attacked.at("status.SigBlk"), "fffffffffffbfeff");
  expect_clean(served(start_after(block)));
}

TEST_F(WrapperInheritedState, ignored_signals_get_their_default_back) {
  const auto ignore = [] {
    const std::array<unsigned long, 4> action{1};
    for (int signal = 1; signal < 65; ++signal) (void)::syscall(SYS_rt_sigaction, signal, action.data(), nullptr, 8);
  };
  EXPECT_EQ(unprotected(start_after(ignore)).at("status.SigIgn"), "fffffffffffbfeff");
  expect_clean(served(start_after(ignore)));
}

TEST_F(WrapperInheritedState, a_pending_alarm_kills_neither_wrapper_nor_broker) {
  const auto set_timers = [] {
    const itimerval soon{{0, 0}, {0, 1}};
    const itimerval later{{0, 0}, {20, 0}};
    sigset_t all;
    ::sigfillset(&all);
    (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
    (void)::setitimer(ITIMER_REAL, &soon, nullptr);
    (void)::setitimer(ITIMER_VIRTUAL, &later, nullptr);
    (void)::setitimer(ITIMER_PROF, &later, nullptr);
  };
  EXPECT_EQ(unprotected(start_after(set_timers)).at("timer.1"), "1");
  expect_clean(served(start_after(set_timers)));
  // The alarm comes while the wrapper waits for a broker that takes its time.
  write_file("/run/probe-delay", "300");
  const auto alarm_during_wait = [] {
    const itimerval in_between{{0, 0}, {0, 150'000}};
    (void)::setitimer(ITIMER_REAL, &in_between, nullptr);
  };
  expect_clean(served(start_after(alarm_during_wait)));
}

TEST_F(WrapperInheritedState, a_parent_death_signal_does_not_reach_the_broker) {
  write_file("/run/probe-linger", "");
  const auto die_with_parent = [] { (void)::prctl(PR_SET_PDEATHSIG, SIGKILL); };
  const Report seen = served(start_after(die_with_parent));
  expect_clean(seen);
  EXPECT_EQ(::kill(std::stoi(seen.at("pid")), 0), 0);
}

// --- Place ---

TEST_F(WrapperInheritedState, a_mask_of_0_or_0777_is_reset) {
  for (const mode_t mask : {0U, 0777U}) {
    const auto set_mask = [mask] { (void)::umask(mask); };
    EXPECT_EQ(unprotected(start_after(set_mask)).at("status.Umask"), mask == 0 ? "0000" : "0777");
    expect_clean(served(start_after(set_mask)));
  }
}

TEST_F(WrapperInheritedState, a_working_directory_that_is_gone_or_unreadable_is_left) {
  make_directory("/mnt/test/u1", 0777);
  const auto delete_it = [] {
    (void)::mkdir("/mnt/test/u1/gone", 0700);
    if (::chdir("/mnt/test/u1/gone") != 0 || ::rmdir("/mnt/test/u1/gone") != 0) ::_exit(126);
  };
  const auto close_it = [] {
    (void)::mkdir("/mnt/test/u1/closed", 0700);
    (void)::chmod("/mnt/test/u1/closed", 0700);
    if (::chdir("/mnt/test/u1/closed") != 0 || ::chmod(".", 0) != 0) ::_exit(126);
  };
  EXPECT_EQ(unprotected(start_after(delete_it)).at("directory"), "none");
  EXPECT_EQ(unprotected(start_after(close_it)).at("directory"), "/mnt/test/u1/closed");
  expect_clean(served(start_after(delete_it)));
  expect_clean(served(start_after(close_it)));
}

TEST_F(WrapperInheritedState, a_controlling_terminal_is_left_behind) {
  const auto take_terminal = [] {
    (void)::setsid();
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) ::_exit(126);
    const int number = ::open(::ptsname(master), O_RDWR);
    if (number < 0) ::_exit(126);
    // Somebody else has the other end, or closing it would hang up on this session.
    if (::fork() == 0) {
      ::sleep(60);
      ::_exit(0);
    }
    for (int standard = 0; standard < 3; ++standard) (void)::dup2(number, standard);
  };
  EXPECT_NE(unprotected(start_after(take_terminal)).at("terminal"), "0");
  const Report seen = served(start_after(take_terminal));
  expect_clean(seen);
}

TEST_F(WrapperInheritedState, the_session_keyring_is_not_the_callers) {
  const auto join = [] {
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "callers") < 0) ::_exit(126);
  };
  const Report attacked = unprotected(start_after(join));
  if (attacked.at("keyring") == "none") SECSHR_SKIP("this kernel has no keyrings");
  EXPECT_TRUE(attacked.at("keyring").starts_with("keyring;" + std::to_string(u1) + ";")) << attacked.at("keyring");
  EXPECT_TRUE(attacked.at("keyring").ends_with(";callers"));
  const Report seen = served(start_after(join));
  EXPECT_TRUE(seen.at("keyring").starts_with("keyring;0;0;")) << seen.at("keyring");
  EXPECT_TRUE(seen.at("keyring").ends_with(";_ses"));
}

// --- Scheduling and the like ---

TEST_F(WrapperInheritedState, everything_that_slows_is_reset) {
  const auto slow_down = [] {
    (void)!::nice(19);
    const sched_param none{};
    if (::sched_setscheduler(0, SCHED_IDLE, &none) != 0) ::_exit(126);
    std::array<unsigned long, 128> one{1};
    (void)::syscall(SYS_sched_setaffinity, 0, sizeof one, one.data());
    (void)::syscall(SYS_ioprio_set, 1, 0, 3 << 13);
    (void)::prctl(PR_SET_TIMERSLACK, 1'000'000'000UL);
    (void)::personality(UNAME26);
    const int score = ::open("/proc/self/oom_score_adj", O_WRONLY);
    if (score < 0 || ::write(score, "1000", 4) != 4) ::_exit(126);
    (void)::close(score);
  };
  const Report attacked = unprotected(start_after(slow_down));
  EXPECT_EQ(attacked.at("nice"), "19");
  EXPECT_EQ(attacked.at("scheduler"), std::to_string(SCHED_IDLE));
  EXPECT_EQ(attacked.at("processors"), "1");
  EXPECT_EQ(attacked.at("io_priority"), std::to_string(3 << 13));
  EXPECT_EQ(attacked.at("timer_slack"), "1000000000");
  EXPECT_EQ(attacked.at("personality"), std::to_string(UNAME26));
  EXPECT_EQ(attacked.at("oom_score_adj"), "1000");
  const Report ordinary = served(start());
  const Report seen = served(start_after(slow_down));
  expect_clean(seen);
  EXPECT_EQ(seen.at("processors"), ordinary.at("processors"));
}

TEST_F(WrapperInheritedState, what_slows_and_cannot_be_reset_stops_no_start) {
  const auto slow_down = [] {
    if (::nice(19) != 19) ::_exit(126);
    const int score = ::open("/proc/self/oom_score_adj", O_WRONLY);
    if (score < 0 || ::write(score, "1000", 4) != 4) ::_exit(126);
  };
  EXPECT_EQ(run_without({CAP_SYS_NICE, CAP_SYS_RESOURCE}, slow_down), ending_of(StartStatus::serving));
  // The attack: nothing but the wrapper's rights made the difference above.
  EXPECT_EQ(report().at("nice"), "19");
}

TEST_F(WrapperInheritedState, a_timer_slack_that_has_become_the_default_is_reset) {
  // What a parent sets is what its child gets back when it asks for the default.
  const auto inherit_slack = [] {
    (void)::prctl(PR_SET_TIMERSLACK, 1'000'000'000UL);
    const pid_t child = ::fork();
    if (child == 0) return (void)::prctl(PR_SET_TIMERSLACK, 0UL);
    int status = 0;
    (void)::waitpid(child, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
  };
  EXPECT_EQ(unprotected(start_after(inherit_slack)).at("timer_slack"), "1000000000");
  expect_clean(served(start_after(inherit_slack)));
}

TEST_F(WrapperInheritedState, a_forbidden_time_stamp_counter_is_allowed_again) {
  const auto forbid = [] { (void)::prctl(PR_SET_TSC, PR_TSC_SIGSEGV); };
  EXPECT_EQ(unprotected(start_after(forbid)).at("time_stamp_counter"), std::to_string(PR_TSC_SIGSEGV));
  expect_clean(served(start_after(forbid)));
}

// --- Identity ---

TEST_F(WrapperInheritedState, the_callers_groups_are_kept_for_the_starter_to_read) {
  EXPECT_EQ(served(start()).at("status.Groups"), "5 " + std::to_string(g1));
  write_file("/run/probe-report", "", 0666);
  EXPECT_EQ(run_as({u1, g1, {}}, start()).ending, exited(0));
  EXPECT_EQ(report().at("status.Groups"), "");
}

TEST_F(WrapperInheritedState, inheritable_and_ambient_capabilities_do_not_get_past_the_bounding_set) {
  const auto run_with_capability = [&](const std::string& program, const Identity& user) {
    write_file("/run/probe-report", "", 0666);
    return as_user({0, 0, {}}, [&] {
      // A privileged launcher that hands its child one capability.
      (void)::prctl(PR_SET_KEEPCAPS, 1);
      become(user);
      cap_t set = ::cap_from_text("cap_net_raw+eip");
      if (::cap_set_proc(set) != 0 || ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) != 0)
        return 126;
      char* arguments[] = {nullptr};
      (void)::execve(program.c_str(), arguments, arguments);
      return 127;
    });
  };
  EXPECT_EQ(run_with_capability(paths::broker, {u1, g1, {}}), exited(0));
  EXPECT_EQ(report().at("status.CapEff"), hexadecimal(std::uint64_t{1} << CAP_NET_RAW));
  EXPECT_EQ(report().at("status.CapInh"), hexadecimal(std::uint64_t{1} << CAP_NET_RAW));
  EXPECT_EQ(run_with_capability(wrapper, {u1, g1, {}}), exited(0));
  expect_clean(report());
  // Where the user does not change, the ambient set survives the exec of a setuid program.
  EXPECT_EQ(run_with_capability(wrapper, {0, 0, {}}), exited(0));
  expect_clean(report());
}

TEST_F(WrapperInheritedState, secure_bits_are_cleared_or_where_they_are_locked_the_start_is_refused) {
  constexpr int no_setuid_fixup = 1 << 2;
  constexpr int locked = 1 << 3;
  const auto run_with_bits = [&](const std::string& program, int bits) {
    write_file("/run/probe-report", "", 0666);
    return as_user({0, 0, {}}, [&] {
      if (::prctl(PR_SET_SECUREBITS, bits) != 0) return 126;
      char* arguments[] = {nullptr};
      (void)::execve(program.c_str(), arguments, arguments);
      return 127;
    });
  };
  EXPECT_EQ(run_with_bits(paths::broker, no_setuid_fixup), exited(0));
  EXPECT_EQ(report().at("secure_bits"), std::to_string(no_setuid_fixup));
  EXPECT_EQ(run_with_bits(wrapper, no_setuid_fixup), exited(0));
  expect_clean(report());
  EXPECT_EQ(run_with_bits(wrapper, no_setuid_fixup | locked), ending_of(StartStatus::other));
  EXPECT_EQ(read_file("/run/probe-report"), "");
  EXPECT_EQ(log_lines(), std::vector<std::string>{"reason=secure-bits detail=none"});
}

TEST_F(WrapperInheritedState, a_bounding_set_without_a_needed_capability_is_refused_or_handed_over_as_it_is) {
  // The wrapper itself cannot do without these.
  for (const auto& [capability, reason] : {std::pair{CAP_SETGID, "identity"}, {CAP_SETPCAP, "bounding-set"}}) {
    EXPECT_EQ(run_without({capability}), ending_of(StartStatus::other)) << capability;
    EXPECT_EQ(read_file("/run/probe-report"), "");
    const std::vector<std::string> wanted{std::string("reason=") + reason + " detail=none"};
    EXPECT_EQ(log_lines(), wanted) << capability;
  }
  // What the broker lacks is the starter's to judge.
  std::uint64_t bounding = 0;
  for (const int capability : bounding_capabilities) bounding |= std::uint64_t{1} << capability;
  for (const int capability : {CAP_KILL, CAP_SETUID, CAP_FOWNER, CAP_DAC_OVERRIDE}) {
    EXPECT_EQ(run_without({capability}), exited(0));
    EXPECT_EQ(report().at("status.CapBnd"), hexadecimal(bounding & ~(std::uint64_t{1} << capability)));
  }
}

// --- Where the setuid bit does not work ---

TEST_F(WrapperInheritedState, no_new_privs_is_not_privileged) {
  const auto give_up = [] { (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); };
  expect_refusal(start_after(give_up), StartStatus::not_privileged, "reason=not-privileged detail=none");
  expect_clean(served(start()));
}

TEST_F(WrapperInheritedState, a_nosuid_mount_is_not_privileged) {
  make_directory("/mnt/test/nosuid");
  ASSERT_EQ(::mount("/mnt/test/dist", "/mnt/test/nosuid", nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, "/mnt/test/nosuid", nullptr, MS_BIND | MS_REMOUNT | MS_NOSUID, nullptr), 0);
  Command command = start();
  command.program = "/mnt/test/nosuid/gtmsecshr";
  expect_refusal(command, StartStatus::not_privileged, "reason=not-privileged detail=none");
  ASSERT_EQ(::mount(nullptr, "/mnt/test/nosuid", nullptr, MS_BIND | MS_REMOUNT, nullptr), 0);
  const Outcome control = run(command);
  EXPECT_EQ(control.ending, exited(0));
}

TEST_F(WrapperInheritedState, a_traced_exec_is_not_privileged) {
  write_file("/run/probe-report", "", 0666);
  const Ending ending = as_user({u1, g1, {}}, [] {
    const pid_t traced = ::fork();
    if (traced == 0) {
      (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      char* arguments[] = {nullptr};
      (void)::execve(wrapper.c_str(), arguments, arguments);
      ::_exit(127);
    }
    int status = 0;
    while (::waitpid(traced, &status, 0) == traced && WIFSTOPPED(status)) {
      (void)::ptrace(PTRACE_CONT, traced, nullptr, nullptr);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
  });
  EXPECT_EQ(ending, ending_of(StartStatus::not_privileged));
  EXPECT_EQ(read_file("/run/probe-report"), "");
}

TEST_F(WrapperInheritedState, a_caller_that_shares_its_root_and_working_directory_is_not_privileged) {
  // Who shares them could move the working directory of a program of root's while it runs.
  const auto share_with = [](unsigned long flags) {
    return [flags] {
      const long child = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
      if (child < 0) ::_exit(126);
      if (child == 0) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::sleep(20);
        ::_exit(0);
      }
    };
  };
  expect_refusal(start_after(share_with(CLONE_FS)), StartStatus::not_privileged, "reason=not-privileged detail=none");
  expect_clean(served(start_after(share_with(0))));
  // A table of descriptors in common ends with the exec: what is open in the other does not come along.
  expect_clean(served(start_after(share_with(CLONE_FILES))));
}

TEST_F(WrapperInheritedState, a_user_namespace_without_root_is_not_privileged_and_one_with_its_own_root_is_refused) {
  const auto in_namespace = [](bool map_root) {
    return as_user({u1, g1, {}}, [map_root] {
      if (::unshare(CLONE_NEWUSER) != 0) return 99;
      if (map_root) {
        const int map = ::open("/proc/self/uid_map", O_WRONLY);
        const std::string line = "0 " + std::to_string(u1) + " 1";
        if (map < 0 || ::write(map, line.data(), line.size()) < 0) return 98;
        (void)::close(map);
      }
      char* arguments[] = {nullptr};
      (void)::execve(wrapper.c_str(), arguments, arguments);
      return 127;
    });
  };
  if (in_namespace(false) == exited(99)) SECSHR_SKIP("this kernel lets no user make a user namespace");
  write_file("/run/probe-report", "", 0666);
  EXPECT_EQ(in_namespace(false), ending_of(StartStatus::not_privileged));
  // Root there is u1 here, and the wrapper's owner is nobody there: whatever happens, it is not root's doing.
  EXPECT_EQ(in_namespace(true), ending_of(StartStatus::bad_installation_path));
  EXPECT_EQ(read_file("/run/probe-report"), "");
}

// --- Where the machine is not all there ---

TEST_F(WrapperInheritedState, a_root_directory_without_proc_or_dev_null_is_refused) {
  const auto in_root = [](const std::vector<std::string>& directories, bool with_null) {
    const std::string root = "/mnt/test/root";
    make_directory(root);
    for (const auto& directory : directories) {
      make_directory(root + directory);
      if (::mount(directory.c_str(), (root + directory).c_str(), nullptr, MS_BIND, nullptr) != 0) ADD_FAILURE();
    }
    if (with_null) {
      write_file(root + "/dev/null", "", 0666);
      if (::mount("/dev/null", (root + "/dev/null").c_str(), nullptr, MS_BIND, nullptr) != 0) ADD_FAILURE();
    }
    install_built("gtmsecshr", root + "/gtmsecshr", 04755);
    install_built("probes/report_state", root + paths::broker, 0755);
    make_directory(root + "/run", 0777);
    const Ending ending = as_user({0, 0, {}}, [&] {
      if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0) return 126;
      become({u1, g1, {}});
      char* arguments[] = {nullptr};
      (void)::execve("/gtmsecshr", arguments, arguments);
      return 127;
    });
    kill_other_processes();  // or the mounts are busy
    const bool ran = exists(root + "/run/probe-report");
    if (with_null) (void)::umount((root + "/dev/null").c_str());
    for (const auto& directory : directories) (void)::umount((root + directory).c_str());
    remove_tree(root);
    return std::pair{ending, ran};
  };
  EXPECT_EQ(in_root({"/proc"}, false), (std::pair{ending_of(StartStatus::other), false}));
  EXPECT_EQ(in_root({}, true), (std::pair{ending_of(StartStatus::own_path), false}));
  EXPECT_EQ(in_root({"/proc"}, true), (std::pair{ending_of(StartStatus::serving), true}));
}

}  // namespace
}  // namespace secshr::test
