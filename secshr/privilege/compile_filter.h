// From a table of system calls to the kernel's program, with libseccomp: when secshr is built, and in tests.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <expected>
#include <span>
#include <vector>

#include "secshr/privilege/syscall_policy.h"

namespace secshr {

using FilterProgram = std::vector<sock_filter>;

// These rows; ENOSYS for all else, as from a kernel that does not know it. `self`: what own_pid stands for. Errors:
// positive errno values.
[[nodiscard]] std::expected<FilterProgram, int> compile_allowing(std::span<const SyscallRow> rows, pid_t self);
// Ends the process, with SIGSYS, at each of these rows; says nothing of others.
[[nodiscard]] std::expected<FilterProgram, int> compile_killing(std::span<const SyscallRow> rows);

}  // namespace secshr
