#include "system/system_log.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "system/descriptor.h"

namespace secshr {

void log_to_system(const char* reason, const char* detail) noexcept {
  char line[256] = {};  // 14: user.info
  constexpr char format[] = "<14>GTMSECSHRINIT[%d]: reason=%s detail=%s";
  const int wanted = std::snprintf(line, sizeof line, format, ::getpid(), reason, detail);
  // What does not fit is cut; the zero at the end stays.
  const auto length = std::min(static_cast<std::size_t>(wanted), sizeof line - 1);
  const sockaddr_un address{AF_UNIX, "/dev/log"};
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const Descriptor log(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!log) return;
    const bool connected = ::connect(log.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const std::size_t end = type == SOCK_STREAM ? 1 : 0;  // in a stream, the zero ends the message
    if (connected) (void)::send(log.get(), line, length + end, MSG_NOSIGNAL);
    if (connected || errno != EPROTOTYPE) return;
  }
}

}  // namespace secshr
