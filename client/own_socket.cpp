#include "client/own_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "client/explanation.h"
#include "protocol/socket_names.h"

namespace secshr::client {
namespace {

sockaddr_un address_of(const char* path) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  return address;
}

int bind_to(int socket, const sockaddr_un& address) noexcept {
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

// Whether somebody is bound to it: this very process, with a socket that is not ours.
bool is_live(const sockaddr_un& address) noexcept {
  const Descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;
}

// The leftover of a process that has ended and had this pid. 0 where the name is ours now.
int bind_in_place_of_leftover(int socket, const sockaddr_un& address) noexcept {
  const int error = bind_to(socket, address);
  if (error != EADDRINUSE || is_live(address)) return error;
  if (::unlink(address.sun_path) != 0 && errno != ENOENT) return EADDRINUSE;
  return bind_to(socket, address);
}

}  // namespace

OwnSocket::OwnSocket(const Handle& handle) noexcept : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  // Before the name is there: the mode of the socket is that of its file.
  if (!socket_ || ::fchmod(socket_.get(), 0600) != 0) {
    result_ = fail(-errno, "no socket can be made: %s", std::strerror(errno));
    return;
  }
  // Where the broker's queue is full, sending waits for a place, and no longer than for an answer.
  using std::chrono::seconds;
  const auto whole = std::chrono::floor<seconds>(handle.reply_timeout);
  const timeval patience{whole.count(), std::chrono::microseconds(handle.reply_timeout - whole).count()};
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int wanted = 1;
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &wanted, sizeof wanted);
  int error = 0;
  for (const auto suffix : protocol::client_socket_suffixes) {
    const auto name = protocol::client_socket_name(*handle.profile, ::getpid(), suffix);
    std::array<char, sizeof path_> path{};
    (void)std::snprintf(path.data(), path.size(), "%s/%s", handle.directory.data(), name.c_str());
    error = bind_in_place_of_leftover(socket_.get(), address_of(path.data()));
    if (error == 0) {
      path_ = path;
      return;
    }
    if (error != EADDRINUSE) break;
  }
  const auto name = protocol::client_socket_name(*handle.profile, ::getpid());
  if (error == EADDRINUSE) {
    result_ = fail(-error,
                   "%s/%s and the same with each letter from a to z are taken by files that this user cannot remove",
                   handle.directory.data(), name.c_str());
  } else {
    result_ = fail(-error, "no socket can be bound in %s: %s", handle.directory.data(), std::strerror(error));
  }
}

OwnSocket::~OwnSocket() {
  if (path_.front() != '\0') (void)::unlink(path_.data());
}

}  // namespace secshr::client
