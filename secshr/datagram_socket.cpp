#include "secshr/datagram_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>

#include "system/uninterrupted.h"

namespace secshr {

Descriptor make_datagram_socket() noexcept {
  return Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

sockaddr_un address_in(int directory, const char* name) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name);
  return address;
}

int connect_to_file(int socket, int file) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file);
  const auto connect = [&] { return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address); };
  return uninterrupted(connect) == 0 ? 0 : errno;
}

void disconnect(int socket) noexcept {
  const sockaddr nobody{AF_UNSPEC, {}};
  (void)uninterrupted([&] { return ::connect(socket, &nobody, sizeof nobody); });
}

}  // namespace secshr
