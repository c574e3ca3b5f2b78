// The filters that the kernel holds each process of a broker to are those of its table, bit for bit, in the order in
// which they were loaded: a table that is right is of no use to a process that loads another one's.
#include <linux/filter.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "secshr/privilege/compile_filter.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

using Program = FilterProgram;

// What the tables come to when they are compiled for this very process.
Program program_of(Confined process, pid_t pid) {
  return compile_allowing(allowed_calls(process), pid).value();
}

// The oldest first. Only a process that is stopped by who traces it can be asked.
std::expected<std::vector<Program>, int> loaded_in(pid_t pid) {
  int status = 0;
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return std::unexpected(errno);
  if (::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0 || ::waitpid(pid, &status, __WALL) != pid) {
    return std::unexpected(errno);
  }
  std::vector<Program> programs;
  int error = ENOENT;
  for (unsigned long index = 0;; ++index) {
    const long size = ::ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, nullptr);
    if (size < 0) {
      error = errno;
      break;
    }
    Program program(static_cast<std::size_t>(size));
    if (::ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, program.data()) != size) {
      error = errno;
      break;
    }
    programs.push_back(std::move(program));
  }
  (void)::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  if (error != ENOENT) return std::unexpected(error);
  return programs;
}

bool are_equal(const Program& one, const Program& other) {
  return one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size() * sizeof(sock_filter)) == 0;
}

void expect_filters(pid_t pid, const std::vector<Program>& wanted, const char* whose) {
  const auto loaded = loaded_in(pid);
  ASSERT_TRUE(loaded.has_value()) << whose << ": " << std::strerror(loaded.error());
  ASSERT_EQ(loaded->size(), wanted.size()) << whose;
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    EXPECT_TRUE(are_equal((*loaded)[index], wanted[index])) << whose << ", filter " << index;
  }
}

std::vector<Program> filters_of(Confined process, pid_t pid, ActingAsRoot root) {
  return {compile_killing(fatal_calls(root)).value(), program_of(process, pid)};
}

void expect_filters_of_helper(const std::vector<pid_t>& supervisors, const std::vector<pid_t>& workers,
                              Confined supervisor) {
  ASSERT_EQ(supervisors.size(), 1U);
  auto wanted = filters_of(supervisor, supervisors[0], ActingAsRoot::refused);
  expect_filters(supervisors[0], wanted, "supervisor");
  wanted.push_back(program_of(worker_of(supervisor), 0));
  for (const pid_t worker : workers) expect_filters(worker, wanted, "worker");
}

class LoadedFilters : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto own = loaded_in(start_and_find().brokers.at(0));
    // A kernel without CONFIG_CHECKPOINT_RESTORE tells nobody, nor does any one who is filtered itself.
    if (!own && (own.error() == EIO || own.error() == EINVAL || own.error() == EACCES)) {
      SECSHR_SKIP("the kernel does not show the filters of a process");
    }
  }
  static BrokerProcesses start_and_find() {
    (void)serve();
    return wait_for_processes();
  }
  static void expect_all(ActingAsRoot root) {
    const BrokerProcesses found = start_and_find();
    ASSERT_TRUE(found.complete());
    const pid_t broker = found.brokers[0];
    expect_filters(broker, filters_of(Confined::broker, broker, root), "broker");
    expect_filters_of_helper(found.looker_supervisors, found.lookers, Confined::looker_supervisor);
    expect_filters_of_helper(found.writer_supervisors, found.writers, Confined::writer_supervisor);
    expect_filters_of_helper(found.recorder_supervisors, found.recorders, Confined::recorder_supervisor);
  }
};

TEST_F(LoadedFilters, are_those_of_each_processs_table) {
  expect_all(ActingAsRoot::refused);
}

TEST_F(LoadedFilters, let_the_broker_act_as_root_where_that_is_configured_and_no_helper) {
  const pid_t before = find_broker_processes().brokers.at(0);
  ASSERT_EQ(::kill(before, SIGTERM), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  configure("allow_root_objects = true\n");
  expect_all(ActingAsRoot::allowed);
}

}  // namespace
}  // namespace secshr::test
