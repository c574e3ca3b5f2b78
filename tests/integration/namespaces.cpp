#include "tests/integration/namespaces.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "system/pidfd.h"
#include "tests/integration/process_state.h"
#include "tests/support/fail.h"

namespace secshr::test {
namespace {

Descriptor pidfd_of(pid_t pid) {
  return open_pidfd(pid);
}

void write_map(pid_t pid, const char* name, unsigned count) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const std::string line = "0 0 " + std::to_string(count);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), line.data(), line.size()) < 0) fail("id map");
}

// Reaps by ignoring: nobody inside needs to be told how another ended.
[[noreturn]] void be_first() {
  (void)::signal(SIGCHLD, SIG_IGN);
  (void)::close_range(3, ~0U, 0);
  while (true) (void)::pause();
}

}  // namespace

Namespaces::Namespaces(int kinds, unsigned mapped_ids) : kinds_(kinds) {
  first_ = static_cast<pid_t>(::syscall(SYS_clone, kinds | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (first_ < 0) fail("clone");
  if (first_ == 0) be_first();
  if ((kinds & CLONE_NEWUSER) != 0) {
    write_map(first_, "uid_map", mapped_ids);
    write_map(first_, "gid_map", mapped_ids);
  }
  constexpr int both = CLONE_NEWPID | CLONE_NEWNS;
  if ((kinds & both) == both) {
    EXPECT_EQ(run([] { return ::mount("proc", "/proc", "proc", 0, nullptr) == 0 ? 0 : errno; }), exited(0));
  }
}

Namespaces::~Namespaces() {
  (void)::kill(first_, SIGKILL);
  (void)::waitpid(first_, nullptr, 0);
}

void Namespaces::enter() const {
  const Descriptor first = pidfd_of(first_);
  if (!first || ::setns(first.get(), kinds_) != 0) ::_exit(127);
}

Ending Namespaces::run(const std::function<int()>& body) const {
  return run_forked([&] {
    enter();
    const Ending ending = run_forked(body);
    return ending.by_signal ? 128 + ending.code : ending.code;
  });
}

Ending Namespaces::run(const Identity& identity, const Command& command) const {
  return run_forked([&] {
    enter();
    const Ending ending = run_as(identity, command).ending;
    return ending.by_signal ? 128 + ending.code : ending.code;
  });
}

std::unique_ptr<Client> Namespaces::client(const Identity& identity) const {
  // Only what is forked afterwards is in another pid namespace, so that this process can go back.
  const Descriptor own = pidfd_of(::getpid());
  const Descriptor first = pidfd_of(first_);
  if (::setns(first.get(), CLONE_NEWPID) != 0) fail("enter the pid namespace");
  auto client = std::make_unique<Client>(identity);
  if (::setns(own.get(), CLONE_NEWPID) != 0) fail("leave the pid namespace");
  return client;
}

pid_t innermost_pid(pid_t pid) {
  const std::string numbers = status_of(pid).at("NSpid");
  const auto blank = numbers.rfind(' ');
  return std::stoi(blank == std::string::npos ? numbers : numbers.substr(blank + 1));
}

}  // namespace secshr::test
