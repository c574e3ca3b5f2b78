#include "client/run_wrapper.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "client/explanation.h"
#include "protocol/start_meaning.h"
#include "system/pidfd.h"

namespace secshr::client {
namespace {

using Clock = std::chrono::steady_clock;

// What of it can be seen before: a wrapper that cannot become root only says that it could not.
int examine(const char* wrapper) noexcept {
  struct stat facts{};
  if (::stat(wrapper, &facts) != 0) {
    return fail(-ECONNREFUSED, "nobody serves, and there is no wrapper %s: %s", wrapper, text_of(errno));
  }
  const auto wrong = [&](const char* what) noexcept {
    return fail(-ECONNREFUSED, "nobody serves, and the wrapper %s %s", wrapper, what);
  };
  if (!S_ISREG(facts.st_mode)) return wrong("is no regular file");
  if (facts.st_uid != 0) return wrong("is not root's");
  if ((facts.st_mode & S_ISUID) == 0)
    return wrong("is not set-user-ID: adopt the installation again (secshrctl adopt)");
  if (::faccessat(AT_FDCWD, wrapper, X_OK, AT_EACCESS) != 0) return wrong("is not executable for this user");
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
  environment.log = handle.log;
  if (environment.log.front() != '\0') environment.entries[1] = environment.log.data();
}

// In a process group of its own, since what a user types at the host's terminal would end or stop it. What came
// before it had one waits, as every signal does, until the wrapper itself has discarded it.
int spawn(const char* wrapper, char* const* environment, pid_t& child) noexcept {
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return error;
  sigset_t all;
  (void)sigfillset(&all);
  (void)::posix_spawnattr_setsigdefault(&attributes, &all);
  (void)::posix_spawnattr_setsigmask(&attributes, &all);
  (void)::posix_spawnattr_setflags(&attributes,
                                   POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  char name[] = "gtmsecshr";
  char* const arguments[] = {name, nullptr};
  const int error = ::posix_spawn(&child, wrapper, nullptr, &attributes, arguments, environment);
  (void)::posix_spawnattr_destroy(&attributes);
  return error;
}

// What kept it, somebody stopped it for one, does not keep us. It has our uid, so that it can be ended.
bool has_ended_by(int pidfd, Clock::time_point deadline) noexcept {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd entry{pidfd, POLLIN, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 && left.count() <= 0) return false;
  }
}

// The host may have taken its end before us: it waits for any child, or ignores SIGCHLD. Then nothing is known of it
// but that it has ended. By the pidfd, since the number may by then be another child's.
int await(pid_t child, Clock::time_point deadline, siginfo_t& end) noexcept {
  const Descriptor process = open_pidfd(child);
  const bool is_late = process && !has_ended_by(process.get(), deadline);
  if (is_late) (void)send_signal(process.get(), SIGKILL);
  const auto id = process ? static_cast<id_t>(process.get()) : static_cast<id_t>(child);
  while (::waitid(process ? P_PIDFD : P_PID, id, &end, WEXITED) != 0) {
    if (errno != EINTR) return errno;
  }
  return is_late ? ETIMEDOUT : 0;
}

}  // namespace

int run_wrapper(const Handle& handle) noexcept {
  const char* const wrapper = handle.wrapper.data();
  if (const int wrong = examine(wrapper); wrong != 0) return wrong;
  Environment environment;
  make_environment(handle, environment);
  pid_t child = -1;
  if (const int error = spawn(wrapper, environment.entries.data(), child); error != 0) {
    return fail(-error, "nobody serves, and %s could not be run: %s", wrapper, text_of(error));
  }
  siginfo_t end{};
  const int waited = await(child, Clock::now() + handle.reply_timeout * handle.attempts, end);
  if (waited == ECHILD) return 0;
  if (waited == ETIMEDOUT) {
    return fail(-ETIMEDOUT, "nobody serves, and %s did not end by itself: the system log may have the reason",
                wrapper);
  }
  if (waited != 0) return fail(-waited, "the end of %s cannot be waited for: %s", wrapper, text_of(waited));
  if (end.si_code != CLD_EXITED) {
    return fail(-ECONNREFUSED, "nobody serves, and %s was ended by signal %d", wrapper, end.si_status);
  }
  if (end.si_status == 0) return 0;
  return fail(-ECONNREFUSED, "nobody serves in %s, and %s failed with status %d: %s", handle.directory.data(),
              wrapper, end.si_status, meaning_of_start(end.si_status));
}

}  // namespace secshr::client
