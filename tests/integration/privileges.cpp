#include "tests/integration/privileges.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/integration/broker_fixture.h"

namespace secshr::test {
namespace {

std::string mask_of(std::span<const cap_value_t> capabilities) {
  std::uint64_t mask = 0;
  for (const cap_value_t capability : capabilities) mask |= std::uint64_t{1} << capability;
  std::array<char, 17> text{};
  (void)std::snprintf(text.data(), text.size(), "%016lx", mask);
  return text.data();
}

std::string four_times(unsigned id) {
  const std::string text = std::to_string(id);
  return text + " " + text + " " + text + " " + text;
}

void expect_state(ProcessStatus status, uid_t uid, std::span<const cap_value_t> permitted, unsigned filters) {
  EXPECT_EQ(status["Threads"], "1");
  EXPECT_EQ(status["Uid"], four_times(uid));
  EXPECT_EQ(status["Gid"], four_times(uid));
  EXPECT_EQ(status["Groups"], "");
  EXPECT_EQ(status["CapPrm"], mask_of(permitted));
  EXPECT_EQ(status["CapBnd"], mask_of(permitted));
  EXPECT_EQ(status["CapEff"], mask_of({}));
  EXPECT_EQ(status["CapInh"], mask_of({}));
  EXPECT_EQ(status["CapAmb"], mask_of({}));
  EXPECT_EQ(status["NoNewPrivs"], "1");
  EXPECT_EQ(status["Seccomp"], "2");
  EXPECT_EQ(status["Seccomp_filters"], std::to_string(filters));
}

void expect_role_of_all(const std::vector<pid_t>& pids, uid_t uid, std::span<const cap_value_t> permitted,
                        unsigned filters) {
  for (const pid_t pid : pids) expect_role(pid, uid, permitted, filters);
}

}  // namespace

void expect_role(pid_t pid, uid_t uid, std::span<const cap_value_t> permitted, unsigned filters) {
  SCOPED_TRACE(pid);
  expect_state(status_of(pid), uid, permitted, filters);
}

void expect_privileges(const BrokerProcesses& found) {
  constexpr std::array<cap_value_t, 4> brokers{CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_FOWNER};
  constexpr std::array<cap_value_t, 2> lookers{CAP_SETUID, CAP_SETGID};
  constexpr std::array<cap_value_t, 1> writers{CAP_DAC_OVERRIDE};
  constexpr std::array<cap_value_t, 1> watchers{CAP_KILL};
  expect_role_of_all(found.brokers, broker_uid, brokers, 2);
  expect_role_of_all(found.looker_supervisors, looker_uid, lookers, 2);
  expect_role_of_all(found.lookers, looker_uid, lookers, 3);
  expect_role_of_all(found.writer_supervisors, writer_uid, writers, 2);
  expect_role_of_all(found.writers, writer_uid, writers, 3);
  expect_role_of_all(found.recorder_supervisors, broker_uid, {}, 2);
  expect_role_of_all(found.recorders, broker_uid, {}, 3);
  // They end by themselves.
  for (const pid_t pid : found.watchers) {
    if (const auto status = status_of(pid); status.contains("Uid")) expect_state(status, broker_uid, watchers, 2);
  }
}

}  // namespace secshr::test
