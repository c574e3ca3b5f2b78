// A start that is killed in the middle: traced from outside, and ended by SIGKILL at a given system call.
#pragma once

#include <string>

#include "tests/support/run_as.h"

namespace secshr::test {

struct TracedStart {
  bool was_killed = false;  // otherwise it came to its end before that system call
  unsigned calls = 0;       // that the starter had made by then
  Ending wrapper;
};

// Runs the command, which is the wrapper, and kills the program that it executes in turn (the starter) at the entry
// to its call number `kill_at`, from 1; 0: never. What serves goes on untraced.
TracedStart run_traced(const Identity& identity, const Command& command, unsigned kill_at);

}  // namespace secshr::test
