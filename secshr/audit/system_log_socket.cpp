#include "secshr/audit/system_log_socket.h"

#include <sys/socket.h>

#include <algorithm>

#include "secshr/datagram_socket.h"

namespace secshr {
namespace {

std::optional<sockaddr_un> address_of(std::string_view path) noexcept {
  sockaddr_un address{};
  // An empty one would be an abstract address, which anybody can bind.
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, static_cast<char*>(address.sun_path));
  return address;
}

}  // namespace

SystemLogSocket::SystemLogSocket(const SystemLogPlaces& places) noexcept
    : journal_(address_of(places.journal)), syslog_(address_of(places.syslog)), socket_(make_datagram_socket()) {}

void SystemLogSocket::send(std::string_view entry, std::string_view line) const noexcept {
  // A journal that is full takes nothing either; where /dev/log is another daemon's, the message is saved.
  if (!send_to(journal_, entry)) (void)send_to(syslog_, line);
}

bool SystemLogSocket::send_to(const std::optional<sockaddr_un>& place, std::string_view message) const noexcept {
  if (!place) return false;
  return ::sendto(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&*place), sizeof *place) >= 0;
}

}  // namespace secshr
