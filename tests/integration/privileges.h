// What each of the broker's processes may be and have, as the kernel says it of the process: exactly that.
#pragma once

#include <sys/capability.h>
#include <sys/types.h>

#include <span>

#include "tests/integration/process_state.h"

namespace secshr::test {

// `filters`: who was forked by somebody who is filtered has that one's and its own.
void expect_role(pid_t pid, uid_t uid, std::span<const cap_value_t> permitted, unsigned filters);
// Each by its role.
void expect_privileges(const BrokerProcesses& found);

}  // namespace secshr::test
