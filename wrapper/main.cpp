// The setuid-root program that clients run to have the broker started. It takes nothing from its caller but six
// environment variables and who the caller is, hands these to the installed broker in a clean process, waits until
// that serves or gives up, and exits with its word. No arguments, no configuration, no allocation.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "secshr_paths.h"
#include "system/root_controlled.h"
#include "system/system_log.h"
#include "wrapper/clean_environment.h"
#include "wrapper/clean_process.h"
#include "wrapper/handoff.h"

namespace {
using namespace secshr;

[[noreturn]] void refuse(StartStatus status, const char* reason, const char* detail = "none") noexcept {
  log_to_system(reason, detail);
  ::_exit(static_cast<int>(status));
}

void require(const char* reason) noexcept {
  if (reason != nullptr) refuse(StartStatus::other, reason);
}

// Which installation this is. A descriptor, since whoever may rename the directory could change what a path means.
int open_own_executable() noexcept {
  const int executable = ::open("/proc/self/exe", O_PATH | O_CLOEXEC);
  struct stat found{};
  if (executable < 0 || ::fstat(executable, &found) != 0) refuse(StartStatus::own_path, "own-path");
  constexpr mode_t checked = S_IFMT | S_ISUID | S_IWGRP | S_IWOTH;
  if (found.st_uid == 0 && (found.st_mode & checked) == (S_IFREG | S_ISUID)) return executable;
  refuse(StartStatus::bad_installation_path, "wrapper-mode");
}

// Opened once; what is executed later is this descriptor, whatever has become of the name.
int open_broker() noexcept {
  const RootControlled broker = open_root_controlled(paths::broker, O_PATH);
  struct stat found{};
  constexpr mode_t checked = S_IFMT | S_IXUSR | S_ISUID | S_ISGID;
  const bool verified = broker.fault == PathFault::none && ::fstat(broker.descriptor, &found) == 0;
  if (verified && (found.st_mode & checked) == (S_IFREG | S_IXUSR)) return broker.descriptor;
  refuse(StartStatus::broker_not_verified, "broker-not-verified", verified ? "mode" : describe(broker.fault));
}

// In the child. A refusal is logged before it goes to the parent, so that it is there when the caller looks.
[[noreturn]] void execute_broker(int readiness, int executable, int broker, char** argv, char** envp) noexcept {
  StartStatus status = StartStatus::other;
  // The exec closes all others. No source is overwritten before its turn: the sockets were opened first.
  const bool placed = ::dup2(readiness, readiness_descriptor) >= 0 && ::dup2(executable, executable_descriptor) >= 0;
  const char* reason = placed ? leave_the_caller() : "descriptors";
  // After leaving: until then the caller may change these of its own process.
  reset_where_permitted();
  // Last: nothing after this needs any of what it takes away.
  if (reason == nullptr) reason = reduce_capabilities();
  if (reason == nullptr) {
    (void)::execveat(broker, "", argv, envp, AT_EMPTY_PATH);
    status = StartStatus::broker_not_verified;
    reason = "broker-not-executable";
  }
  log_to_system(reason);
  (void)!::write(readiness_descriptor, &status, 1);
  ::_exit(static_cast<int>(status));
}

// In the parent. End of file is a broker that died without a word. 6 would make a stock client give up at once.
int await_readiness(int readiness) noexcept {
  unsigned char status = 0;
  ssize_t count = 0;
  while ((count = ::read(readiness, &status, 1)) < 0 && errno == EINTR) continue;
  if (count != 1) refuse(StartStatus::other, "broker-silent");
  if (status > static_cast<int>(StartStatus::not_adopted) || status == 6) refuse(StartStatus::other, "broker-status");
  return status;
}

}  // namespace

int main() {
  // 1. Before anything is opened: nothing of the caller's may be written to, or use up the numbers that a limit
  // leaves.
  require(::close_range(0, ~0U, 0) == 0 ? nullptr : "close-range");
  // 2. Before anything is changed: without root there is nothing to start. The kernel ignores the setuid bit for a
  // traced caller, under no_new_privs, on a nosuid mount, and in a user namespace that does not map root.
  uid_t invoker = 0, effective = 0, saved = 0;
  if (::getresuid(&invoker, &effective, &saved) != 0 || effective != 0 || saved != 0) {
    refuse(StartStatus::not_privileged, "not-privileged");
  }
  // 3. Before anything else, which could fail for lack of it or be interrupted.
  require(reset_limits());
  require(open_standard_descriptors());
  reset_signals();
  (void)::umask(0077);
  require(::chdir("/") == 0 ? nullptr : "no-root-directory");
  // 4. Who asks, by the kernel's word, through which installation, with which directories; and what is to run.
  int readiness[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, readiness) == 0 ? nullptr : "readiness");
  char uid[24], gid[24];
  (void)std::snprintf(uid, sizeof uid, "%u", invoker);
  (void)std::snprintf(gid, sizeof gid, "%u", ::getgid());
  const int executable = open_own_executable();
  static CleanEnvironment clean;  // too large for a stack that the caller may have limited
  require(clean_environment(::environ, clean));
  if (clean.tmp_replaced) log_to_system("tmp-replaced");
  if (clean.log_dropped) log_to_system("log-dropped");
  const int broker = open_broker();
  // 5. A child that leaves the caller becomes the broker; this process, for which the caller waits, awaits its word.
  const pid_t child = ::fork();
  if (child < 0) refuse(StartStatus::fork_failed, "fork");
  if (child == 0) {
    char name[] = "secshrd", option[] = "--invoker";
    char* argv[] = {name, option, uid, gid, nullptr};
    execute_broker(readiness[1], executable, broker, argv, clean.entries.data());
  }
  (void)::close(readiness[1]);  // or the end of file would never come
  // 6. Waiting needs no privilege.
  (void)!::setresgid(::getgid(), ::getgid(), ::getgid());
  (void)!::setresuid(invoker, invoker, invoker);
  return await_readiness(readiness[0]);
}
