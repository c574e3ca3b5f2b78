#include "wrapper/clean_process.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "wrapper/handoff.h"

namespace secshr {

const char* reset_limits() noexcept {
  struct Limit {
    __rlimit_resource resource;
    rlim_t wanted, needed;
  };
  constexpr rlim_t mebibyte = 1U << 20;
  constexpr Limit limits[] = {{RLIMIT_NOFILE, 4096, 512},
                              {RLIMIT_NPROC, 4096, 64},
                              {RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY},
                              {RLIMIT_FSIZE, RLIM_INFINITY, 1024 * mebibyte},
                              {RLIMIT_AS, RLIM_INFINITY, 1024 * mebibyte},
                              {RLIMIT_DATA, RLIM_INFINITY, 256 * mebibyte},
                              {RLIMIT_STACK, 8 * mebibyte, mebibyte},
                              {RLIMIT_CORE, 0, 0}};
  for (const auto& [resource, wanted, needed] : limits) {
    rlimit value{wanted, wanted};
    if (::setrlimit(resource, &value) == 0) continue;
    // Without CAP_SYS_RESOURCE the hard limit stays; what it leaves may still be enough.
    if (::getrlimit(resource, &value) == 0) value.rlim_cur = std::min(wanted, value.rlim_max);
    if (value.rlim_cur < needed || ::setrlimit(resource, &value) != 0) return "limit-too-low";
  }
  return nullptr;
}

const char* open_standard_descriptors() noexcept {
  for (int number = 0; number <= 2; ++number) {
    if (::open("/dev/null", O_RDWR | O_NOCTTY) != number) return "no-dev-null";
  }
  return nullptr;
}

void reset_signals() noexcept {
  // Timers first, so that none goes off after its signal was discarded.
  constexpr itimerval off{};
  for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) (void)::setitimer(timer, &off, nullptr);
  // Ignoring discards what is pending. By the system call, since libc keeps two signals to itself.
  constexpr unsigned long ignored[4] = {1}, standard[4] = {};
  for (int number = 1; number < _NSIG; ++number) {
    (void)::syscall(SYS_rt_sigaction, number, ignored, nullptr, _NSIG / 8);
    (void)::syscall(SYS_rt_sigaction, number, standard, nullptr, _NSIG / 8);
  }
  constexpr sigset_t none{};
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void reset_where_permitted() noexcept {
  constexpr sched_param no_priority{};
  (void)::sched_setscheduler(0, SCHED_OTHER, &no_priority);
  (void)::setpriority(PRIO_PROCESS, 0, 0);
  unsigned long processors[128];
  std::fill(std::begin(processors), std::end(processors), ~0UL);  // the kernel takes those that exist
  (void)::syscall(SYS_sched_setaffinity, 0, sizeof processors, processors);
  (void)::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
  (void)::prctl(PR_SET_TIMERSLACK, 50'000UL);  // 0 would be the caller's value, not the system's
  (void)::prctl(PR_SET_TSC, PR_TSC_ENABLE);
  (void)::personality(PER_LINUX);
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  (void)!::write(score, "0", 1);
  (void)::close(score);
}

const char* leave_the_caller() noexcept {
  // The session first: in its own, the caller could still send SIGCONT, and its terminal SIGINT.
  if (::setsid() < 0) return "session";
  // Groups before users, which takes the right to. Afterwards the caller can no longer stop, kill or limit this
  // process.
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) return "identity";
  // As root, so that the new keyring is root's. Where there are no keyrings, there is none to leave.
  (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  return nullptr;
}

const char* reduce_capabilities() noexcept {
  // Secure bits and bounding set before the rest: both need SETPCAP.
  if (::prctl(PR_GET_SECUREBITS) != 0 && ::prctl(PR_SET_SECUREBITS, 0) != 0) return "secure-bits";
  int number = 0;
  for (int held = 0; (held = ::prctl(PR_CAPBSET_READ, number)) >= 0; ++number) {
    const bool kept = std::ranges::find(bounding_capabilities, number) != bounding_capabilities.end();
    if (held == 1 && !kept && ::prctl(PR_CAPBSET_DROP, number) != 0) return "bounding-set";
  }
  // Only behind those that every kernel has is this the end, and not a failure that leaves some of them.
  if (errno != EINVAL || number <= CAP_AUDIT_READ) return "bounding-set";
  // What is inheritable would come back with the exec, past the bounding set; what is ambient goes with it.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return "capabilities";
  for (auto& set : sets) set.inheritable = 0;
  return ::syscall(SYS_capset, &header, sets) == 0 ? nullptr : "capabilities";
}

}  // namespace secshr
