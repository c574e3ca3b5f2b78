// A start that is held where it would speak with others, while something is done that it does not know of yet.
#pragma once

#include <functional>

#include "tests/support/run_as.h"

namespace secshr::test {

// Before it asks the broker that runs; before it takes its turn, when it has heard from that one and nobody can know
// of it; or in its turn, before it becomes the broker.
enum class HoldBefore { its_question, its_turn, its_place };

// Runs the command, which is the wrapper, and holds the starter there the first time, for as long as `meanwhile`
// takes, in another process. Then it goes on.
Ending run_held(const Identity& identity, const Command& command, HoldBefore before,
                const std::function<void(pid_t starter)>& meanwhile);

}  // namespace secshr::test
