#include "client/run_wrapper.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "client/explanation.h"
#include "client/variables.h"
#include "system/pidfd.h"

namespace secshr::client {
namespace {

// What of it can be seen before: a wrapper that cannot become root only says that it could not.
int examine(const char* wrapper) noexcept {
  struct stat facts{};
  if (::stat(wrapper, &facts) != 0) {
    return fail(-ECONNREFUSED, "nobody serves, and there is no wrapper %s: %s", wrapper, std::strerror(errno));
  }
  const auto wrong = [&](const char* what) noexcept {
    return fail(-ECONNREFUSED, "nobody serves, and the wrapper %s %s", wrapper, what);
  };
  if (!S_ISREG(facts.st_mode)) return wrong("is no regular file");
  if (facts.st_uid != 0) return wrong("is not root's");
  if ((facts.st_mode & S_ISUID) == 0)
    return wrong("is not set-user-ID: adopt the installation again (secshrctl adopt)");
  if (::access(wrapper, X_OK) != 0) return wrong("is not executable for this user");
  struct statvfs system{};
  if (::statvfs(wrapper, &system) == 0 && (system.f_flag & ST_NOSUID) != 0)
    return wrong("is on a file system mounted nosuid");
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
    return wrong("cannot become root for this process, which has no_new_privs: have a broker started beforehand");
  }
  return 0;
}

struct Environment {
  std::array<char, 128> directory{};
  std::array<char, 4096 + 64> log{};
  std::array<char*, 3> entries{};
};

// The two variables that the wrapper reads, under the names that it gives most to.
void make_environment(const Handle& handle, Environment& environment) noexcept {
  const std::string_view tmp = handle.profile->tmp_variables.front();
  (void)std::snprintf(environment.directory.data(), environment.directory.size(), "%.*s=%s",
                      static_cast<int>(tmp.size()), tmp.data(), handle.directory.data());
  environment.entries[0] = environment.directory.data();
  for (const auto name : handle.profile->log_variables) {
    const char* const value = read_variable(name);
    if (value == nullptr) continue;
    const int size = std::snprintf(environment.log.data(), environment.log.size(), "%.*s=%s",
                                   static_cast<int>(name.size()), name.data(), value);
    if (static_cast<std::size_t>(size) < environment.log.size()) environment.entries[1] = environment.log.data();
    return;
  }
}

// With every signal as it is by default, and none blocked: nothing of the host's is the wrapper's.
int spawn(const char* wrapper, char* const* environment, pid_t& child) noexcept {
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return error;
  sigset_t all;
  sigset_t none;
  (void)sigfillset(&all);
  (void)sigemptyset(&none);
  (void)::posix_spawnattr_setsigdefault(&attributes, &all);
  (void)::posix_spawnattr_setsigmask(&attributes, &none);
  (void)::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  char name[] = "gtmsecshr";
  char* const arguments[] = {name, nullptr};
  const int error = ::posix_spawn(&child, wrapper, nullptr, &attributes, arguments, environment);
  (void)::posix_spawnattr_destroy(&attributes);
  return error;
}

// The host may have taken its end before us: it waits for any child, or ignores SIGCHLD. Then nothing is known of it
// but that it has ended.
int await(pid_t child, int& status) noexcept {
  while (::waitpid(child, &status, 0) < 0) {
    if (errno == ECHILD) return ECHILD;
    if (errno != EINTR) return errno;
  }
  return 0;
}

const char* meaning(int status) noexcept {
  constexpr std::array meanings{
      "nothing",
      "it could not become root",
      "the installation's path, or the wrapper's mode, is not what it should be",
      "the broker's program is missing, or not root's alone",
      "no process could be made",
      "what holds the broker's lock does not answer",
      "an unknown reason",
      "the system log has the reason",
      "the directory cannot be served: this user could not make a file in it, it is on no local file system, or "
      "there is no "
      "place for another",
      "it cannot tell its own file",
      "it has another name",
      "the installation is not adopted (secshrctl adopt)",
  };
  return status >= 0 && static_cast<std::size_t>(status) < meanings.size()
             ? meanings[static_cast<std::size_t>(status)]
             : "an unknown reason";
}

}  // namespace

int run_wrapper(const Handle& handle) noexcept {
  const char* const wrapper = handle.wrapper.data();
  if (const int wrong = examine(wrapper); wrong != 0) return wrong;
  Environment environment;
  make_environment(handle, environment);
  pid_t child = -1;
  if (const int error = spawn(wrapper, environment.entries.data(), child); error != 0) {
    return fail(-error, "nobody serves, and %s could not be run: %s", wrapper, std::strerror(error));
  }
  int status = 0;
  const int waited = await(child, status);
  if (waited == ECHILD) return 0;
  if (waited != 0) return fail(-waited, "the end of %s cannot be waited for: %s", wrapper, std::strerror(waited));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  if (WIFSIGNALED(status)) {
    return fail(-ECONNREFUSED, "nobody serves, and %s was ended by signal %d", wrapper, WTERMSIG(status));
  }
  return fail(-ECONNREFUSED, "nobody serves in %s, and %s failed with status %d: %s", handle.directory.data(),
              wrapper, WEXITSTATUS(status), meaning(WEXITSTATUS(status)));
}

}  // namespace secshr::client
