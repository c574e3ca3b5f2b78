// Hostile environments and arguments: what the caller of a setuid program chooses freely.
#include <sys/resource.h>
#include <unistd.h>

#include "tests/privileged/wrapper_fixture.h"

namespace secshr::test {
namespace {

using Strings = std::vector<std::string>;

class WrapperEnvironment : public WrapperTest {};
class WrapperArguments : public WrapperTest {};

// --- Arguments ---

void expect_fixed_arguments(const std::map<std::string, std::string>& report) {
  EXPECT_EQ(report.at("argument_count"), "4");
  EXPECT_EQ(report.at("argument.0"), "secshrd");
  EXPECT_EQ(report.at("argument.1"), "--invoker");
  EXPECT_EQ(report.at("argument.2"), std::to_string(u1));
  EXPECT_EQ(report.at("argument.3"), std::to_string(g1));
}

TEST_F(WrapperArguments, an_ordinary_start_tells_the_broker_who_asked) {
  expect_fixed_arguments(served(start()));
}

TEST_F(WrapperArguments, an_empty_argument_vector_is_harmless) {
  Command command = start();
  command.arguments = {};
  expect_fixed_arguments(served(command));
}

TEST_F(WrapperArguments, an_empty_program_name_is_harmless) {
  Command command = start();
  command.arguments = {""};
  expect_fixed_arguments(served(command));
}

TEST_F(WrapperArguments, a_program_name_of_64_KiB_with_format_and_line_characters_is_never_logged) {
  Command command = start();
  command.arguments = {std::string(65536 - 16, 'x') + "%n%n%s\n\x1b[0m{}"};
  expect_fixed_arguments(served(command));
  // Where there is something to log, the shape that log_lines() checks leaves no room for it.
  set_probe_status("none");
  EXPECT_EQ(run(command).ending, ending_of(StartStatus::other));
  EXPECT_EQ(log_lines(), Strings{"reason=broker-silent detail=none"});
}

TEST_F(WrapperArguments, ten_thousand_arguments_and_any_option_are_ignored) {
  Command command = start();
  command.arguments = {wrapper, "--help", "--invoker", "0", "0", "-v"};
  command.arguments.resize(10000, "--invoker=0");
  expect_fixed_arguments(served(command));
}

TEST_F(WrapperArguments, the_invoker_is_the_real_user_of_every_start) {
  write_file("/run/probe-report", "", 0666);
  const auto outcome = run_as({u2, 0, {}}, start());
  EXPECT_EQ(outcome.ending, exited(0));
  EXPECT_EQ(report().at("argument.2"), std::to_string(u2));
  EXPECT_EQ(report().at("argument.3"), "0");
  write_file("/run/probe-report", "", 0666);
  EXPECT_EQ(run_as({0, 0, {}}, start()).ending, exited(0));
  EXPECT_EQ(report().at("argument.2"), "0");
  // The largest uid that is one.
  write_file("/run/probe-report", "", 0666);
  EXPECT_EQ(run_as({4294967294U, 4294967294U, {}}, start()).ending, exited(0));
  EXPECT_EQ(report().at("argument.2"), "4294967294");
  EXPECT_EQ(report().at("argument.3"), "4294967294");
}

// --- Environment ---

TEST_F(WrapperEnvironment, an_empty_environment_stays_empty) {
  const Report seen = served(start_with({}));
  EXPECT_EQ(seen.at("environment_count"), "0");
  EXPECT_EQ(log_lines(), Strings{});
}

TEST_F(WrapperEnvironment, the_six_variables_pass_unchanged) {
  const Strings all{"gtm_tmp=/tmp/a", "ydb_tmp=/tmp/b",    "gtm_log=/tmp/c",
                    "ydb_log=/tmp/d", "secshr_tmp=/tmp/e", "secshr_log=/tmp/f"};
  EXPECT_EQ(environment_of(served(start_with(all))), all);
  EXPECT_EQ(log_lines(), Strings{});
}

TEST_F(WrapperEnvironment, variables_that_steer_libraries_never_reach_the_broker) {
  Strings hostile;
  for (const std::string name : {"LD_PRELOAD",   "LD_LIBRARY_PATH", "LD_AUDIT",      "LD_DEBUG",
                                 "LD_SHOW_AUXV", "GCONV_PATH",      "LOCPATH",       "NLSPATH",
                                 "MALLOC_TRACE", "MALLOC_CHECK_",   "RES_OPTIONS",   "TMPDIR",
                                 "SPDLOG_LEVEL", "ASAN_OPTIONS",    "UBSAN_OPTIONS", "GCOV_PREFIX",
                                 "TZ",           "GLIBC_TUNABLES",  "PATH",          "HOME",
                                 "gtm_dist",     "ydb_dist",        "secshr_dist",   "gtmroutines"}) {
    hostile.push_back(name + "=/tmp/evil");
  }
  Strings with_one_good = hostile;
  with_one_good.push_back("gtm_tmp=/tmp/good");
  EXPECT_EQ(environment_of(served(start_with(with_one_good))), Strings{"gtm_tmp=/tmp/good"});
  EXPECT_EQ(environment_of(unprotected(start_with(with_one_good))), with_one_good);
}

TEST_F(WrapperEnvironment, an_emptied_tunables_string_does_not_survive) {
  EXPECT_EQ(environment_of(served(start_with({"GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast=A"}))),
            Strings{});
  EXPECT_EQ(environment_of(served(start_with({"GLIBC_TUNABLES="}))), Strings{});
}

TEST_F(WrapperEnvironment, refuses_a_variable_given_twice) {
  for (const std::string name : {"gtm_tmp", "ydb_tmp", "gtm_log", "ydb_log", "secshr_tmp", "secshr_log"}) {
    expect_refusal(start_with({name + "=/tmp", name + "=/tmp/other"}), StartStatus::other,
                   "reason=environment-given-twice detail=none");
  }
  (void)served(start_with({"other=/tmp", "other=/tmp/other"}));
}

TEST_F(WrapperEnvironment, refuses_an_entry_without_an_equals_sign) {
  expect_refusal(start_with({"gtm_tmp"}), StartStatus::other, "reason=environment-without-name detail=none");
  expect_refusal(start_with({"gtm_tmp=/tmp", "a"}), StartStatus::other,
                 "reason=environment-without-name detail=none");
}

TEST_F(WrapperEnvironment, ignores_the_overwritten_buffer_that_stock_clients_hand_on) {
  EXPECT_EQ(environment_of(served(start_with({"gtm_tmp=/tmp", "GTMXC_gb`'\361\231\377\177", "GTMXC_gb", ""}))),
            Strings{"gtm_tmp=/tmp"});
}

TEST_F(WrapperEnvironment, refuses_an_entry_with_an_empty_name) {
  expect_refusal(start_with({"=x"}), StartStatus::other, "reason=environment-without-name detail=none");
}

TEST_F(WrapperEnvironment, an_unusable_tmp_becomes_the_default_and_is_reported_without_its_text) {
  for (const std::string& value :
       {std::string(), std::string("relative"), std::string("/tmp/../etc"), std::string("/tmp/a\nb"),
        std::string("/tmp/\x1b[31m"), std::string("/tmp/\x7f"), "/" + std::string(86, 'd'),
        "/" + std::string(106, 'd'), "/" + std::string(107, 'd'), "/" + std::string(4095, 'd'),
        "/" + std::string(131000, 'd')}) {
    EXPECT_EQ(environment_of(served(start_with({"gtm_tmp=" + value}))), Strings{"gtm_tmp=/tmp"})
        << value.substr(0, 120);
    EXPECT_EQ(log_lines(), Strings{"reason=tmp-replaced detail=none"});
  }
}

TEST_F(WrapperEnvironment, an_unusable_log_is_dropped_and_reported_without_its_text) {
  for (const std::string& value : {std::string(), std::string("relative"), std::string("/var/../etc"),
                                   std::string("/var/a\nb"), "/" + std::string(4095, 'd')}) {
    EXPECT_EQ(environment_of(served(start_with({"gtm_log=" + value}))), Strings{}) << value.substr(0, 120);
    EXPECT_EQ(log_lines(), Strings{"reason=log-dropped detail=none"});
  }
}

TEST_F(WrapperEnvironment, the_longest_values_pass_whole) {
  const Strings longest{"gtm_tmp=/" + std::string(85, 'd'), "gtm_log=/" + std::string(4094, 'd')};
  EXPECT_EQ(environment_of(served(start_with(longest))), longest);
}

TEST_F(WrapperEnvironment, bytes_that_are_no_text_are_ordinary_names) {
  EXPECT_EQ(environment_of(served(start_with({"gtm_tmp=/tmp/\xff\xfe//x/"}))),
            Strings{"gtm_tmp=/tmp/\\xff\\xfe//x/"});
}

TEST_F(WrapperEnvironment, an_environment_of_over_a_megabyte_is_read_to_its_end) {
  Strings huge;
  for (int i = 0; i < 15; ++i) huge.push_back("v" + std::to_string(i) + "=" + std::string(102400, 'x'));
  huge.push_back("gtm_tmp=/tmp/last");
  EXPECT_EQ(environment_of(served(start_with(huge))), Strings{"gtm_tmp=/tmp/last"});
  huge.push_back("gtm_tmp=/tmp/again");
  expect_refusal(start_with(huge), StartStatus::other, "reason=environment-given-twice detail=none");
}

// Six megabytes are the most that the kernel takes, and that only with a stack of four times as much.
TEST_F(WrapperEnvironment, an_environment_of_six_megabytes_is_read_to_its_end) {
  Strings huge;
  const std::string longest(131072 - 8, 'x');  // with its name and its zero the longest entry there can be
  while (huge.size() < 47) huge.push_back("v" + std::to_string(10000 + huge.size()) + "=" + longest);
  huge.push_back("gtm_tmp=/tmp/last");
  const auto start_with_large_stack = [&](std::vector<std::string> environment) {
    Command command = start_with(std::move(environment));
    command.before_exec = [] {
      const rlimit large{rlim_t{64} << 20, RLIM_INFINITY};
      if (::setrlimit(RLIMIT_STACK, &large) != 0) ::_exit(126);
    };
    return command;
  };
  EXPECT_EQ(environment_of(served(start_with_large_stack(huge))), Strings{"gtm_tmp=/tmp/last"});
  // Nothing is cut off at the end either.
  huge.push_back("gtm_tmp=/tmp/again");
  expect_refusal(start_with_large_stack(huge), StartStatus::other, "reason=environment-given-twice detail=none");
}

}  // namespace
}  // namespace secshr::test
