#include "secshr/start/ping.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "secshr/datagram_socket.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

bool is_roots_socket(int directory, const char* name) noexcept {
  struct stat facts{};
  return ::fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(facts.st_mode) && facts.st_uid == 0;
}

// A bound client socket whose name goes with it.
class ClientSocket {
 public:
  ClientSocket(int directory, protocol::SocketName name) noexcept
      : directory_(directory), name_(name), socket_(make_datagram_socket()) {
    // A name with our own pid in it that is there already is a dead process's.
    (void)::unlinkat(directory_, name_.c_str(), 0);
    const sockaddr_un address = address_in(directory_, name_.c_str());
    // Writable for all: the broker answers without being anybody in particular.
    const mode_t old_mask = ::umask(0);
    bound_ = socket_ && ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    (void)::umask(old_mask);
  }
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;
  ~ClientSocket() {
    if (bound_) (void)::unlinkat(directory_, name_.c_str(), 0);
  }
  [[nodiscard]] int get() const noexcept { return bound_ ? socket_.get() : -1; }

 private:
  int directory_;
  protocol::SocketName name_;
  Descriptor socket_;
  bool bound_ = false;
};

bool take_answer(int socket, const protocol::RequestHeader& request) noexcept {
  std::array<std::byte, protocol::header_size + 1> bytes{};
  const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) return false;
  const auto reply = protocol::decode_reply(std::span(bytes).first(static_cast<std::size_t>(size)));
  return reply && reply->answers(request) && reply->code() == 0;
}

}  // namespace

PingAnswer ask_broker(int directory, const protocol::Profile& profile, const protocol::SocketName& server,
                      std::uint32_t communication_key, std::chrono::milliseconds patience) noexcept {
  if (!is_roots_socket(directory, server.c_str())) return PingAnswer::nobody;
  const protocol::RequestHeader header{static_cast<std::int32_t>(protocol::RequestCode::ping), communication_key, 0,
                                       ::getpid(), 1};
  std::array<std::byte, protocol::header_size> request{};
  const std::size_t size = protocol::encode_request(header, protocol::Ping{}, request);
  const ClientSocket client(directory, protocol::client_socket_name(profile, ::getpid()));
  if (size == 0 || client.get() < 0) return PingAnswer::silent;
  const sockaddr_un address = address_in(directory, server.c_str());
  if (::sendto(client.get(), request.data(), size, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) < 0) {
    return errno == ECONNREFUSED || errno == ENOENT ? PingAnswer::nobody : PingAnswer::silent;
  }
  pollfd entry{client.get(), POLLIN, 0};
  const bool came = ::poll(&entry, 1, static_cast<int>(patience.count())) == 1;
  return came && take_answer(client.get(), header) ? PingAnswer::answered : PingAnswer::silent;
}

}  // namespace secshr
