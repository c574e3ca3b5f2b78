// A start that is killed or held in the middle: traced from outside, and ended by SIGKILL at a given system call, or
// kept waiting where it would take its turn.
#pragma once

#include <functional>
#include <string>

#include "tests/support/run_as.h"

namespace secshr::test {

struct TracedStart {
  bool was_killed = false;  // otherwise it came to its end before that system call
  bool was_held = false;
  unsigned calls = 0;  // that the starter had made by then
  Ending wrapper;
};

// Runs the command, which is the wrapper, and kills the program that it executes in turn (the starter) at the entry
// to its call number `kill_at`, from 1; 0: never. What serves goes on untraced.
TracedStart run_traced(const Identity& identity, const Command& command, unsigned kill_at);

// Where a start is held: before it asks the broker that runs, and before it takes its turn, when it has heard from
// that one and nobody can know of it yet.
enum class HoldBefore { its_question, its_turn };

// Runs it and holds the starter there the first time, for as long as `meanwhile` takes, in another process. Then it
// goes on untraced.
Ending run_held(const Identity& identity, const Command& command, HoldBefore before,
                const std::function<void(pid_t starter)>& meanwhile);

}  // namespace secshr::test
