// Doing something with descriptors of one's own: what is opened has no number in the program, where another thread
// could meet it, and what is closed gives up none of the record locks that the program has on the same file.
#pragma once

namespace secshr::client {

// Runs it in a process that shares the memory, of which the program is told nothing. While it runs this thread waits,
// and no signal reaches it. What the call returned, or a negative errno value that is explained where it was not run.
[[nodiscard]] int run_apart(int (*call)(void*), void* argument) noexcept;

}  // namespace secshr::client
