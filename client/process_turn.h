// One question at a time in a process: a socket has the process's name, so that two threads would share it.
#pragma once

#include <atomic>
#include <cstdint>

namespace secshr::client {

// While it lives the turn is this thread's, which cannot be cancelled meanwhile. A child that was forked while
// another thread had it takes it for itself: that thread does not exist there.
class ProcessTurn {
 public:
  ProcessTurn() noexcept;
  ProcessTurn(const ProcessTurn&) = delete;
  ProcessTurn& operator=(const ProcessTurn&) = delete;
  ~ProcessTurn();

  // 1 for a process's first datagram, then one more for each; a child begins anew.
  [[nodiscard]] std::uint64_t next_sequence() noexcept;

 private:
  int cancel_state_ = 0;
};

}  // namespace secshr::client
