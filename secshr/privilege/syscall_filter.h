// The kernel's filter that holds a process to its table of system calls (syscall_policy.h).
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <expected>
#include <span>
#include <utility>
#include <vector>

#include "secshr/privilege/syscall_policy.h"

namespace secshr {

// A program that can be loaded at any later time, without asking for memory or files. Errors: positive errno values.
class SyscallFilter {
 public:
  // These rows; ENOSYS for all else, as from a kernel that does not know it. `self`: what own_pid stands for.
  [[nodiscard]] static std::expected<SyscallFilter, int> allowing(std::span<const SyscallRow> rows, pid_t self);
  // Ends the process, with SIGSYS, at each of these rows; says nothing of others.
  [[nodiscard]] static std::expected<SyscallFilter, int> killing(std::span<const SyscallRow> rows);

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
