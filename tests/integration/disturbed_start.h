// A start of which one system call of one of its processes does not go well: it fails without having been made, its
// process is killed or is held there. All processes are followed from outside, from the wrapper to the helpers' first
// workers.
#pragma once

#include <sys/ptrace.h>

#include <functional>
#include <vector>

#include "tests/integration/traced_call.h"
#include "tests/support/run_as.h"

namespace secshr::test {

// Which of its kind, from 1 on.
struct ChosenCall {
  CallKind kind;
  unsigned occurrence = 1;
};

// In the order of their entries, up to where a start that serves comes to rest.
std::vector<MadeCall> record_start(const Identity& identity, const Command& command);

struct DisturbedStart {
  bool was_disturbed = false;  // otherwise it never made that call
  Ending wrapper;
};

enum class Times : bool { once, from_then_on };

// The call fails with `error`, and so do, if wished, all later ones of its kind. What is left goes on untraced. Where
// the wrapper does not end in time, it is killed and the test fails.
DisturbedStart run_with_failure(const Identity& identity, const Command& command, const ChosenCall& call, int error,
                                Times times);

// Its process is killed at the entry to its call number `call`, from 1.
DisturbedStart run_with_kill(const Identity& identity, const Command& command, Part part, unsigned call);

// Its process is held there for as long as `meanwhile` takes, in another process than the test's, and then goes on;
// all others go on meanwhile. `meanwhile` says what went wrong by a number, and 0 that nothing did.
struct HeldStart {
  DisturbedStart start;
  int found = 0;
};
HeldStart run_with_pause(const Identity& identity, const Command& command, Part part, unsigned call,
                         const std::function<int(pid_t held)>& meanwhile);

// The starter is held the first time that it is about to make such a call.
using IsTheCall = std::function<bool(pid_t starter, const __ptrace_syscall_info& call)>;
HeldStart run_with_pause_before(const Identity& identity, const Command& command, const IsTheCall& is_the_call,
                                const std::function<int(pid_t held)>& meanwhile);

}  // namespace secshr::test
