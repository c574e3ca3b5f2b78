// The kernel's filter that holds a process to its table of system calls (syscall_policy.h). The programs are made
// when secshr is built: nothing that compiles them is part of a process with privileges.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <span>
#include <utility>
#include <vector>

#include "secshr/privilege/act_as.h"
#include "secshr/privilege/confined.h"

namespace secshr {

// Can be loaded at any later time, without asking for memory or files.
class SyscallFilter {
 public:
  // What it may do; ENOSYS for all else. `self`: its pid.
  [[nodiscard]] static SyscallFilter allowing(Confined process, pid_t self);
  // Ends the process, with SIGSYS, at what no process of ours has a reason to try.
  [[nodiscard]] static SyscallFilter killing(ActingAsRoot root);

  // For this process and all that it forks, for good, in addition to those that are loaded already: what any of them
  // refuses is refused. Needs no_new_privs. False with errno set.
  [[nodiscard]] bool load() const noexcept;

  [[nodiscard]] std::span<const sock_filter> program() const noexcept { return program_; }

 private:
  explicit SyscallFilter(std::vector<sock_filter> program) noexcept : program_(std::move(program)) {}
  std::vector<sock_filter> program_;
};

// The last step of giving up: both filters, and a look whether they are there. Calls of a foreign architecture end
// the process. nullptr, or the name of the step that failed: the caller must then end the process.
[[nodiscard]] const char* confine(Confined process, ActingAsRoot root);

}  // namespace secshr
