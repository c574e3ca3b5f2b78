#include "bench/client_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <span>

#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"
#include "protocol/profile.h"
#include "protocol/socket_names.h"

namespace secshr::bench {

void fail(const char* what) {
  const int error = errno;
  std::cerr << what << ": " << std::strerror(error) << '\n';
  std::_Exit(2);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    fail(path.c_str());
  }
  std::ranges::copy(path, address.sun_path);
  return address;
}

ClientSocket::ClientSocket(const std::string& directory)
    : path_(directory + "/" +
            protocol::client_socket_name(protocol::profile(protocol::ProfileId::gtm), ::getpid()).c_str()),
      socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  (void)::unlink(path_.c_str());
  const sockaddr_un address = address_of(path_);
  if (!socket_ || ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail(path_.c_str());
  }
  const timeval patience{5, 0};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) fail("SO_RCVTIMEO");
}

ClientSocket::~ClientSocket() {
  (void)::unlink(path_.c_str());
}

int ClientSocket::send(const ServerAddress& server, const protocol::Request& request) {
  std::array<std::byte, protocol::maximum_datagram> bytes{};
  const protocol::RequestHeader header{0, server.communication_key, 0, ::getpid(), ++sequence_};
  const std::size_t size = protocol::encode_request(header, request, bytes);
  const sockaddr_un address = address_of(server.path);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  return ::sendto(socket_.get(), bytes.data(), size, 0, to, sizeof address) < 0 ? errno : 0;
}

std::optional<std::int32_t> ClientSocket::receive() {
  std::array<std::byte, protocol::header_size + 1> bytes{};
  const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (size < 0) return std::nullopt;
  const auto reply = protocol::decode_reply(std::span(bytes).first(static_cast<std::size_t>(size)));
  if (!reply || reply->header.sequence != sequence_) return std::nullopt;
  return reply->header.code;
}

}  // namespace secshr::bench
