// A pid from a request is no process until a pidfd says so, and never a process group or everybody.
#include "secshr/named_process.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <string>

#include "tests/support/simulated_machine.h"

namespace secshr {
namespace {

constexpr pid_t target = 4711;

class NamedProcess : public testing::Test {
 protected:
  NamedProcess() { machine.start(target, {.uid = 2001, .gid = 1}); }

  // "opened", or what is answered without any look.
  std::string opened(const protocol::Request& request) {
    const auto process = open_named_process(machine.kernel(), request);
    if (process) return machine.kernel().is_alive(process->get()) ? "opened" : "opened, dead";
    const Outcome& outcome = process.error();
    return std::string(verdict_name(outcome.verdict)) + " " + outcome.rule + " " + std::to_string(outcome.code);
  }
  std::string to_wake(std::int32_t pid) { return opened(protocol::Wake{pid}); }
  std::string to_continue(std::int32_t pid) { return opened(protocol::ContinueProcess{pid}); }
  static std::string refused_with(int code) { return "refused proc.install " + std::to_string(code); }

  SimulatedMachine machine;
};

TEST_F(NamedProcess, is_the_one_that_the_request_names) {
  EXPECT_EQ(named_process(protocol::Wake{5}), 5);
  EXPECT_EQ(named_process(protocol::ContinueProcess{6}), 6);
  const protocol::Request others[] = {protocol::Ping{}, protocol::RemoveSemaphoreSet{5}, protocol::RemoveSegment{5},
                                      protocol::RemoveFile{"/x"}, protocol::FlushHeader{protocol::closed_ids, "/d"}};
  for (const auto& request : others) EXPECT_EQ(named_process(request), 0) << request.index();
  EXPECT_EQ(to_wake(target), "opened");
  EXPECT_EQ(to_continue(target), "opened");
}

TEST_F(NamedProcess, refuses_the_numbers_that_mean_groups_or_everybody_to_kill) {
  for (const std::int32_t pid : {0, -1, -target, -2, std::numeric_limits<std::int32_t>::min()}) {
    machine.start(pid, {.uid = 2001, .gid = 1});  // even if the kernel knew one
    EXPECT_EQ(to_wake(pid), refused_with(EINVAL)) << pid;
    EXPECT_EQ(to_continue(pid), refused_with(EINVAL)) << pid;
  }
}

TEST_F(NamedProcess, has_nothing_to_wake_in_one_that_ended_and_nothing_left_to_continue) {
  for (const std::int32_t pid : {target + 1, 1, std::numeric_limits<std::int32_t>::max()}) {
    EXPECT_EQ(to_wake(pid), refused_with(ESRCH)) << pid;
    EXPECT_EQ(to_continue(pid), "done - 0") << pid;
  }
  machine.processes.at(target).alive = false;
  EXPECT_EQ(to_wake(target), refused_with(ESRCH));
  EXPECT_EQ(to_continue(target), "done - 0");
}

// ENOENT or EINVAL, by the kernel's age: a thread that leads no process. Or descriptors have run out.
TEST_F(NamedProcess, refuses_what_the_kernel_will_not_open_and_never_says_that_it_was_continued) {
  for (const int error : {ENOENT, EINVAL, EMFILE, ENFILE, ENOMEM, ENODEV, EPERM, ENOSYS}) {
    machine.open_process_error = error;
    EXPECT_EQ(to_wake(target), refused_with(EPERM)) << error;
    EXPECT_EQ(to_continue(target), refused_with(EPERM)) << error;
  }
}

// Whether it may be signalled is for the look to say.
TEST_F(NamedProcess, opens_a_zombie) {
  machine.processes.at(target).alive = false;
  machine.processes.at(target).zombie = true;
  EXPECT_EQ(to_wake(target), "opened, dead");
  EXPECT_EQ(to_continue(target), "opened, dead");
}

}  // namespace
}  // namespace secshr
