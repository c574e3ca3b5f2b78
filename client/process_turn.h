// One question at a time in a process: a socket has the process's name, so that two threads would share it.
#pragma once

#include <atomic>
#include <cstdint>

#include "client/uncancelled.h"

namespace secshr::client {

// While it lives the turn is this thread's, which cannot be cancelled meanwhile. A child that was forked while
// another thread had it takes it for itself: that thread does not exist there.
class ProcessTurn {
 public:
  ProcessTurn() noexcept;
  ProcessTurn(const ProcessTurn&) = delete;
  ProcessTurn& operator=(const ProcessTurn&) = delete;
  ~ProcessTurn();

  // For a process's first datagram one that no earlier program of its has used, nor another copy of this library in
  // it, whose answers may still come under the same name; then one more for each. A child begins anew.
  [[nodiscard]] std::uint64_t next_sequence() noexcept;

 private:
  Uncancelled uncancelled_;
};

}  // namespace secshr::client
