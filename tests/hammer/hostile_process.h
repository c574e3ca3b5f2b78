// A process that does to the broker whatever an ordinary user can do to it, one thing after another, as its seed
// says, until it is killed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/hammer/arena.h"
#include "tests/hammer/battlefield.h"

namespace secshr::test {

// Forks it. The same seed and index make the same choices; what they meet depends on the others.
pid_t start_hostile_process(const Battlefield& field, Arena& arena, std::size_t index, std::uint64_t seed);

// Names of the acts, in the order of Tally::acts; empty behind the last.
extern const char* const hostile_act_names[hostile_acts];

}  // namespace secshr::test
