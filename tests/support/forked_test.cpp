#include "tests/support/forked_test.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "system/descriptor.h"
#include "system/pidfd.h"

namespace secshr::test {

std::ostream& operator<<(std::ostream& out, const Ending& ending) {
  return out << (ending.by_signal ? "killed by signal " : "exit status ") << ending.code;
}

Ending wait_for(pid_t child, std::chrono::seconds limit) {
  const Descriptor handle = open_pidfd(child);
  pollfd wanted{handle.get(), POLLIN, 0};
  const auto milliseconds = static_cast<int>(std::chrono::milliseconds(limit).count());
  if (handle && ::poll(&wanted, 1, milliseconds) == 0) {
    (void)::kill(child, SIGKILL);
    ADD_FAILURE() << "process " << child << " did not end in time";
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  }
  return WIFEXITED(status) ? exited(WEXITSTATUS(status)) : killed_by(WTERMSIG(status));
}

Ending run_forked(const std::function<int()>& body, std::chrono::seconds limit) {
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  // _exit: the parent's buffers and test results are not the child's to flush.
  if (child == 0) ::_exit(body());
  return wait_for(child, limit);
}

}  // namespace secshr::test
