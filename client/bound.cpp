#include "client/bound.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>

#include "system/descriptor.h"
#include "system/uninterrupted.h"

namespace secshr::client {

int look_whether_bound(const sockaddr_un& address) noexcept {
  const Descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe) return errno;
  const auto connect = [&] {
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  return uninterrupted(connect) == 0 ? 0 : errno;
}

sockaddr_un address_of_file(int file) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file);
  return address;
}

bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

}  // namespace secshr::client
