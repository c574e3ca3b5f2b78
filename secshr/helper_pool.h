// A helper: a supervisor with a few workers that share one channel to the broker, so that any idle worker takes the
// next message. A worker that dies, or is stuck in a file system that does not answer, is replaced.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "secshr/privilege/confined.h"
#include "secshr/privilege/least_privilege.h"
#include "system/descriptor.h"

namespace secshr {

// On a page that worker and supervisor share: since when the worker has been busy, 0 when it is not.
class BusyMark {
 public:
  void begin() noexcept;
  void end() noexcept { since_.store(0, std::memory_order_relaxed); }
  // For how long, in nanoseconds; 0 when idle.
  [[nodiscard]] std::int64_t busy_for() const noexcept;

 private:
  std::atomic<std::int64_t> since_{0};  // CLOCK_MONOTONIC, nanoseconds
};

struct Helper {
  Role role;          // may fork
  Confined confined;  // as a supervisor
  unsigned workers = 1;
  std::function<void(int channel, BusyMark&)> serve;  // returns when the channel closes or breaks
  // The one other descriptor that its workers have, at this number; -1: none.
  int file = -1;
  // How long workers may go on, by themselves, with what is still in the channel when the broker has gone.
  std::chrono::milliseconds grace{0};
};
inline constexpr int helper_file = 4;

struct StartedHelper {
  pid_t supervisor = -1;
  Descriptor channel;  // the broker's end
};

// Forks the supervisor from the starter, which is still root; the child drops to the helper's role before it does
// anything else. It leaves when the broker's end of the channel closes. Errors are positive errno values.
[[nodiscard]] std::expected<StartedHelper, int> start_helper(const Helper& helper) noexcept;

// Waits for the helper's word that it has dropped to its role and has a worker; to be called once, and before the
// channel is used otherwise. The error says what has failed.
[[nodiscard]] std::expected<void, std::string> await_helper(const StartedHelper& helper,
                                                            std::chrono::steady_clock::time_point deadline);

}  // namespace secshr
