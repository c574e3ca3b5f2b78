#include "tests/privileged/wrapper_fixture.h"

#include <regex>
#include <sstream>

#include "secshr_paths.h"

namespace secshr::test {

void WrapperTest::SetUp() {
  PrivateWorldTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  make_distribution(distribution);
  install_built("probes/report_state", paths::broker, 0755);
  log_ = std::make_unique<SystemLog>();
}

Command WrapperTest::start() {
  return {wrapper, {wrapper}, {}, {}};
}

Command WrapperTest::start_with(std::vector<std::string> environment) {
  return {wrapper, {wrapper}, std::move(environment), {}};
}

Command WrapperTest::start_after(std::function<void()> before_exec) {
  return {wrapper, {wrapper}, {}, std::move(before_exec)};
}

WrapperTest::Report WrapperTest::served(const Command& command) {
  // Whoever the probe runs as may write it; its contents tell whether it did.
  write_file("/run/probe-report", "", 0666);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.ending, ending_of(StartStatus::serving)) << testing::PrintToString(log_lines());
  EXPECT_EQ(outcome.output + outcome.errors, "");
  return report();
}

WrapperTest::Report WrapperTest::unprotected(Command command) {
  write_file("/run/probe-report", "", 0666);
  command.program = paths::broker;
  (void)run(command);
  return report();
}

void WrapperTest::expect_refusal(const Command& command, StartStatus status, const std::string& log_line) {
  write_file("/run/probe-report", "", 0666);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.ending, ending_of(status));
  EXPECT_EQ(outcome.output + outcome.errors, "");
  EXPECT_EQ(read_file("/run/probe-report"), "") << "the broker was executed";
  EXPECT_EQ(log_lines(), std::vector<std::string>{log_line});
}

WrapperTest::Report WrapperTest::report() {
  Report result;
  std::istringstream lines(read_file("/run/probe-report"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    result[line.substr(0, equals)] = line.substr(equals + 1);
  }
  EXPECT_FALSE(result.empty()) << "the probe has not reported";
  return result;
}

void WrapperTest::set_probe_status(const std::string& status) {
  write_file("/run/probe-status", status);
}

std::vector<std::string> WrapperTest::environment_of(const Report& report) {
  std::vector<std::string> entries;
  for (int i = 0; report.contains("environment." + std::to_string(i)); ++i) {
    entries.push_back(report.at("environment." + std::to_string(i)));
  }
  return entries;
}

std::vector<std::string> WrapperTest::log_lines() {
  const std::regex shape("<14>GTMSECSHRINIT\\[[1-9][0-9]*\\]: (reason=[a-z-]+ detail=[a-z-]+)");
  std::vector<std::string> lines;
  for (const auto& message : log_->take()) {
    std::smatch parts;
    EXPECT_TRUE(std::regex_match(message, parts, shape)) << testing::PrintToString(message);
    lines.push_back(parts.size() == 2 ? parts[1].str() : message);
  }
  return lines;
}

}  // namespace secshr::test
