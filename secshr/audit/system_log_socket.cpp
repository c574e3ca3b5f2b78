#include "secshr/audit/system_log_socket.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

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
    : journal_(address_of(places.journal)), syslog_(address_of(places.syslog)), socket_(make_datagram_socket()) {
  for (Descriptor& stream : streams_) stream.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void SystemLogSocket::send(std::string_view entry, std::string_view line) noexcept {
  // A journal that is full takes nothing either; where /dev/log is another daemon's, the message is saved.
  if (send_to(journal_, entry) == 0) return;
  if (send_to(syslog_, line) == EPROTOTYPE) send_in_stream(line);
}

int SystemLogSocket::send_to(const std::optional<sockaddr_un>& place, std::string_view message) const noexcept {
  if (!place) return ENOENT;
  const ssize_t sent = ::sendto(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&*place), sizeof *place);
  return sent >= 0 ? 0 : errno;
}

void SystemLogSocket::send_in_stream(std::string_view line) noexcept {
  // In a stream a zero ends the message.
  char end = '\0';
  std::array<iovec, 2> parts{iovec{const_cast<char*>(line.data()), line.size()}, iovec{&end, 1}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  while (connect_stream()) {
    const ssize_t sent = ::sendmsg(streams_[stream_].get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(line.size() + 1) || (sent < 0 && errno == EAGAIN)) return;
    // Whoever read it has gone; or it took a part, and whatever came next would run together with that.
    streams_[stream_++].reset();
    connected_ = false;
    if (sent > 0) return;
  }
}

bool SystemLogSocket::connect_stream() noexcept {
  if (connected_) return true;
  if (stream_ == streams_.size()) return false;
  connected_ = ::connect(streams_[stream_].get(), reinterpret_cast<const sockaddr*>(&*syslog_), sizeof *syslog_) == 0;
  return connected_;
}

}  // namespace secshr
