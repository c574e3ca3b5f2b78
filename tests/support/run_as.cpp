#include "tests/support/run_as.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace secshr::test {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const auto& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A memory file takes any amount without a reader.
Descriptor new_capture(const char* name) {
  Descriptor capture(::memfd_create(name, MFD_CLOEXEC));
  if (!capture) throw std::system_error(errno, std::generic_category(), "memfd_create");
  return capture;
}

std::string contents(const Descriptor& capture) {
  std::string text;
  std::array<char, 4096> part{};
  ssize_t count = 0;
  while ((count = ::pread(capture.get(), part.data(), part.size(), static_cast<off_t>(text.size()))) > 0) {
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  return text;
}

[[noreturn]] void execute(const Identity& identity, const Command& command, int output, int errors) {
  const auto arguments = pointers_to(command.arguments);
  const auto environment = pointers_to(command.environment);
  const int input = ::open("/dev/null", O_RDONLY);
  if (input < 0 || ::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0) ::_exit(127);
  if (::close_range(3, ~0U, 0) != 0) ::_exit(127);
  become(identity);
  if (command.before_exec) command.before_exec();
  (void)::execve(command.program.c_str(), arguments.data(), environment.data());
  ::_exit(127);
}

}  // namespace

void become(const Identity& identity) {
  // Groups while still root, the user last.
  if (::setgroups(identity.groups.size(), identity.groups.data()) != 0 ||
      ::setresgid(identity.gid, identity.gid, identity.gid) != 0 ||
      ::setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    ::_exit(127);
  }
  // As after a login: a process of the user's own, whose /proc files are the user's.
  (void)::prctl(PR_SET_DUMPABLE, 1);
}

Running::Running(pid_t pid, Descriptor output, Descriptor errors) noexcept
    : pid_(pid), output_(std::move(output)), errors_(std::move(errors)) {}

Outcome Running::wait(std::chrono::seconds limit) {
  const Ending ending = wait_for(pid_, limit);
  return {ending, contents(output_), contents(errors_)};
}

Running start_as(const Identity& identity, const Command& command) {
  Descriptor output = new_capture("output");
  Descriptor errors = new_capture("errors");
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) execute(identity, command, output.get(), errors.get());
  return {child, std::move(output), std::move(errors)};
}

Outcome run_as(const Identity& identity, const Command& command) {
  return start_as(identity, command).wait();
}

Outcome run_as(uid_t uid, gid_t gid, const std::vector<gid_t>& groups, const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment) {
  return run_as({uid, gid, groups}, {arguments.at(0), arguments, environment, {}});
}

Ending as_user(const Identity& identity, const std::function<int()>& body) {
  return run_forked([&] {
    become(identity);
    return body();
  });
}

ActingAs::ActingAs(uid_t uid, gid_t gid) : ok_(::setegid(gid) == 0 && ::seteuid(uid) == 0) {}

ActingAs::~ActingAs() {
  if (::seteuid(0) != 0 || ::setegid(0) != 0) ::_exit(1);
}

}  // namespace secshr::test
