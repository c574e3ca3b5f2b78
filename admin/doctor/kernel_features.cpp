#include "admin/doctor/kernel_features.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "secshr/datagram_socket.h"
#include "system/open_resolved.h"
#include "system/pidfd.h"

// Newer than glibc 2.36.
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

namespace secshr::admin {

bool has_landlock() noexcept {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

bool has_scm_pidfd() noexcept {
  const Descriptor socket = make_datagram_socket();
  const int on = 1;
  return socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) == 0;
}

bool has_seccomp_filters() noexcept {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool has_pidfds() noexcept {
  return static_cast<bool>(open_pidfd(::getpid()));
}

bool has_openat2() noexcept {
  return static_cast<bool>(open_resolved(AT_FDCWD, "/", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
}

}  // namespace secshr::admin
