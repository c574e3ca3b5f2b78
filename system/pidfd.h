// Asking a pidfd about its process.
#pragma once

#include <poll.h>

namespace secshr {

// Whether the process that the pidfd stands for still runs: a zombie does not.
[[nodiscard]] inline bool is_running(int pidfd) noexcept {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

}  // namespace secshr
