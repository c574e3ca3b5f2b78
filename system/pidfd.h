// A process by a descriptor, which stays its own when its pid is another's. The header of glibc 2.36 declares these
// calls as C++ functions, which do not exist.
#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "system/descriptor.h"
#include "system/uninterrupted.h"

namespace secshr {

// Of whichever process has the pid at this moment; invalid with errno set.
[[nodiscard]] inline Descriptor open_pidfd(pid_t pid) noexcept {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// False with errno set. Signal 0 only asks whether it could be sent.
[[nodiscard]] inline bool send_signal(int pidfd, int signal) noexcept {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

// Whether the process that the pidfd stands for certainly still runs: a zombie does not.
[[nodiscard]] inline bool is_running(int pidfd) noexcept {
  pollfd entry{pidfd, POLLIN, 0};
  return uninterrupted([&] { return ::poll(&entry, 1, 0); }) == 0;
}
// Whether it certainly does not any more. Where the kernel cannot say, neither is true.
[[nodiscard]] inline bool has_ended(int pidfd) noexcept {
  pollfd entry{pidfd, POLLIN, 0};
  return uninterrupted([&] { return ::poll(&entry, 1, 0); }) == 1 && (entry.revents & POLLIN) != 0;
}

}  // namespace secshr
