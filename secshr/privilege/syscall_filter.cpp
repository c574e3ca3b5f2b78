#include "secshr/privilege/syscall_filter.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "filter_programs.h"

namespace secshr {
namespace {

bool compares_with_own_pid(const sock_filter& step) noexcept {
  return step.code == (BPF_JMP | BPF_JEQ | BPF_K) && step.k == static_cast<std::uint32_t>(pid_to_be_put_in);
}

// A call that no table has, and that tells whether there is a filter.
bool is_filtered() noexcept {
  return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == -1 && errno == ENOSYS;
}

}  // namespace

SyscallFilter SyscallFilter::allowing(Confined process, pid_t self) {
  const auto made = filter_programs::allowing(process);
  std::vector<sock_filter> program(made.begin(), made.end());
  for (sock_filter& step : program) {
    if (compares_with_own_pid(step)) step.k = static_cast<std::uint32_t>(self);
  }
  return SyscallFilter(std::move(program));
}

SyscallFilter SyscallFilter::killing(ActingAsRoot root) {
  const auto made = filter_programs::killing(root);
  return SyscallFilter({made.begin(), made.end()});
}

bool SyscallFilter::load() const noexcept {
  const sock_fprog program{static_cast<unsigned short>(program_.size()), const_cast<sock_filter*>(program_.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

const char* confine(Confined process, ActingAsRoot root) {
  // The fatal ones first: the second is the one that allows no third.
  if (!SyscallFilter::killing(root).load() || !SyscallFilter::allowing(process, ::getpid()).load()) {
    return "filter-load";
  }
  return is_filtered() ? nullptr : "filter-differs";
}

}  // namespace secshr
