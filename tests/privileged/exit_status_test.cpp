// The wrapper's exit status is the readiness signal: every byte of the broker, and every way of not sending one.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "secshr_paths.h"
#include "tests/privileged/wrapper_fixture.h"

namespace secshr::test {
namespace {

using Strings = std::vector<std::string>;

class WrapperExitStatus : public WrapperTest {};

TEST_F(WrapperExitStatus, every_status_of_the_broker_passes_through) {
  for (const int status : {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11}) {
    set_probe_status(std::to_string(status));
    EXPECT_EQ(run(start()).ending, exited(status));
  }
  EXPECT_EQ(log_lines(), Strings{}) << "the broker has logged why";
}

TEST_F(WrapperExitStatus, a_status_that_is_none_is_never_passed_on) {
  for (const int status : {6, 12, 13, 127, 128, 200, 255}) {
    set_probe_status(std::to_string(status));
    EXPECT_EQ(run(start()).ending, ending_of(StartStatus::other)) << status;
    EXPECT_EQ(log_lines(), Strings{"reason=broker-status detail=none"});
  }
}

TEST_F(WrapperExitStatus, a_broker_that_dies_without_a_word_is_reported) {
  set_probe_status("none");
  EXPECT_EQ(run(start()).ending, ending_of(StartStatus::other));
  EXPECT_EQ(log_lines(), Strings{"reason=broker-silent detail=none"});
}

TEST_F(WrapperExitStatus, waits_for_the_word_and_no_longer) {
  // A broker that stays does not keep the client waiting.
  write_file("/run/probe-linger", "");
  const Report seen = served(start());
  const pid_t broker = std::stoi(seen.at("pid"));
  EXPECT_EQ(::kill(broker, 0), 0) << "lives on";
}

TEST_F(WrapperExitStatus, works_and_stays_silent_without_a_system_log) {
  set_probe_status("none");
  ASSERT_EQ(::unlink("/dev/log"), 0);
  const Outcome outcome = run(start());
  EXPECT_EQ(outcome.ending, ending_of(StartStatus::other));
  EXPECT_EQ(outcome.output + outcome.errors, "");
}

TEST_F(WrapperExitStatus, logs_to_a_stream_where_the_daemon_has_one) {
  ASSERT_EQ(::unlink("/dev/log"), 0);
  SystemLog stream(SOCK_STREAM);
  set_probe_status("none");
  EXPECT_EQ(run(start()).ending, ending_of(StartStatus::other));
  const Strings messages = stream.take();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_TRUE(messages[0].starts_with("<14>GTMSECSHRINIT["));
  EXPECT_TRUE(messages[0].ends_with(std::string("]: reason=broker-silent detail=none\0", 36)));
}

TEST_F(WrapperExitStatus, a_full_system_log_does_not_block_a_start) {
  // Nobody reads: after some messages the daemon's buffer is full.
  set_probe_status("none");
  ASSERT_EQ(::unlink("/dev/log"), 0);
  SystemLog unread;
  for (int i = 0; i < 300; ++i) ASSERT_EQ(run(start()).ending, ending_of(StartStatus::other));
  EXPECT_LT(unread.take().size(), 300U) << "the buffer never was full: the test shows nothing";
}

TEST_F(WrapperExitStatus, a_killed_wrapper_leaves_nothing_that_hinders_the_next_start) {
  // At whatever point the signal comes; each start afterwards works.
  for (int delay = 0; delay < 40; ++delay) {
    Running attempt = start_as({u1, g1, {}}, start());
    ::usleep(static_cast<useconds_t>(delay * 50));
    (void)as_user({u1, g1, {}}, [&] { return ::kill(attempt.pid(), SIGKILL) == 0 ? 0 : 1; });
    (void)attempt.wait();
    kill_other_processes();  // its broker, too, at whatever point it is
    (void)served(start());
  }
}

TEST_F(WrapperExitStatus, a_stopped_wrapper_holds_nothing_that_hinders_another_start) {
  for (int delay = 0; delay < 20; ++delay) {
    Running stopped = start_as({u1, g1, {}}, start());
    ::usleep(static_cast<useconds_t>(delay * 50));
    (void)as_user({u1, g1, {}}, [&] { return ::kill(stopped.pid(), SIGSTOP); });
    EXPECT_EQ(run_as({u2, g1, {}}, start()).ending, exited(0));
    (void)as_user({u1, g1, {}}, [&] { return ::kill(stopped.pid(), SIGCONT); });
    EXPECT_EQ(stopped.wait().ending, exited(0));
  }
}

TEST_F(WrapperExitStatus, the_caller_cannot_signal_the_broker) {
  write_file("/run/probe-linger", "");
  const Report seen = served(start());
  const pid_t broker = std::stoi(seen.at("pid"));
  for (const int signal : {SIGKILL, SIGSTOP, SIGTERM, SIGCONT, SIGHUP, 0}) {
    EXPECT_EQ(as_user({u1, g1, {}}, [&] { return ::kill(broker, signal) == 0 ? 0 : errno; }), exited(EPERM))
        << signal;
  }
  EXPECT_EQ(::kill(broker, 0), 0);
}

}  // namespace
}  // namespace secshr::test
