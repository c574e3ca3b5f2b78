// When a datagram was sent, as the start times of processes are counted. The kernel stamps datagrams with the wall
// clock, which can be moved, so that the stamp is made an age first, and only that is taken from the time since boot.
#pragma once

#include <algorithm>
#include <chrono>

#include "secshr/kernel.h"

namespace secshr {

using WallTime = std::chrono::nanoseconds;  // CLOCK_REALTIME, since the epoch

// `now` is read first and `since_boot` after it: what passes between the two makes the result later and never
// earlier, so that the sender itself is not taken for somebody who came after the datagram. A stamp of the future,
// after the clock was put back, counts as just sent; one from before the boot, after it was put forward, as sent at
// the boot.
[[nodiscard]] constexpr BootTime time_of_sending(WallTime stamp, WallTime now, BootTime since_boot) noexcept {
  const std::chrono::nanoseconds age = std::max(now - stamp, std::chrono::nanoseconds::zero());
  return std::max(since_boot - age, BootTime::zero());
}

}  // namespace secshr
