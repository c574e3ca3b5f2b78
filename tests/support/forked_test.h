// Running a piece of code in a process of its own, and saying how exactly that process must end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <ostream>

namespace secshr::test {

// How a process ended: an exit status or a signal.
struct Ending {
  bool by_signal = false;
  int code = 0;
  friend bool operator==(const Ending&, const Ending&) = default;
};
constexpr Ending exited(int status) {
  return {false, status};
}
constexpr Ending killed_by(int signal) {
  return {true, signal};
}
std::ostream& operator<<(std::ostream& out, const Ending& ending);

inline constexpr std::chrono::seconds forked_time_limit{30};

// Runs `body` in a forked child, which exits with what it returns. An exception or a failed expectation in the child
// is no exit status of its own: give the child's findings back as the number.
Ending run_forked(const std::function<int()>& body, std::chrono::seconds limit = forked_time_limit);

// Waits for a child. One that is still there after `limit` is killed, and the running test fails.
Ending wait_for(pid_t child, std::chrono::seconds limit = forked_time_limit);

}  // namespace secshr::test
