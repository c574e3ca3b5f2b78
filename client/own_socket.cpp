#include "client/own_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "client/bound.h"
#include "client/explanation.h"
#include "protocol/socket_names.h"
#include "system/uninterrupted.h"

namespace secshr::client {
namespace {

// Who may send to it: nobody but this user, the broker as this user, and root.
constexpr mode_t own_mode = 0600;

sockaddr_un address_of(const char* path) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  return address;
}

int bind_to(int socket, const sockaddr_un& address) noexcept {
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

// The leftover of a process that has ended and had this pid. 0 where the name is ours now.
int bind_in_place_of_leftover(int socket, const sockaddr_un& address) noexcept {
  const int error = bind_to(socket, address);
  if (error != EADDRINUSE) return error;
  // Somebody who is bound to it is this very process, with a socket that is not ours.
  const int found = look_whether_bound(address);
  if (is_shortage(found)) return found;
  if (found != ECONNREFUSED && found != ENOENT) return error;
  if (::unlink(address.sun_path) != 0 && errno != ENOENT) return error;
  return bind_to(socket, address);
}

// The umask took from the mode when the file was made, and is the whole program's. By descriptor, so that it is a
// socket of this user's own, whatever has become of the name.
void restore_mode(const char* path) noexcept {
  const Descriptor file(uninterrupted([&] { return ::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISSOCK(facts.st_mode) || facts.st_uid != ::getuid()) return;
  (void)::chmod(address_of_file(file.get()).sun_path, own_mode);
}

}  // namespace

OwnSocket::OwnSocket(const Handle& handle) noexcept : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  // Before the name is there: the mode of the socket is that of its file. And what does not say who sent it is no
  // answer: it would be waited for in vain.
  const int wanted = 1;
  if (!socket_ || ::fchmod(socket_.get(), own_mode) != 0 ||
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &wanted, sizeof wanted) != 0) {
    result_ = fail(-errno, "no socket can be made: %s", text_of(errno));
    return;
  }
  int error = 0;
  for (const auto suffix : protocol::client_socket_suffixes) {
    const auto name = protocol::client_socket_name(*handle.profile, ::getpid(), suffix);
    std::array<char, sizeof path_> path{};
    (void)std::snprintf(path.data(), path.size(), "%s/%s", handle.directory.data(), name.c_str());
    error = bind_in_place_of_leftover(socket_.get(), address_of(path.data()));
    if (error == 0) {
      path_ = path;
      see_to_it_that_it_can_be_answered();
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
    result_ = fail(-error, "no socket can be bound in %s: %s", handle.directory.data(), text_of(error));
  }
}

void OwnSocket::see_to_it_that_it_can_be_answered() noexcept {
  struct stat facts{};
  if (::lstat(path_.data(), &facts) != 0) return;
  file_ = facts.st_ino;
  // A set-user-ID program's, for one: the broker answers the real user, and at no other user's socket.
  if (facts.st_uid != ::getuid()) {
    result_ = fail(-EPERM,
                   "sockets of this process's become user %u's, and its real user is %u: real, effective and file "
                   "system ids must be the same",
                   facts.st_uid, ::getuid());
    return;
  }
  if ((facts.st_mode & 07777) != own_mode) restore_mode(path_.data());
}

OwnSocket::~OwnSocket() {
  if (has_name()) (void)::unlink(path_.data());
}

bool OwnSocket::has_name() const noexcept {
  struct stat facts{};
  return path_.front() != '\0' && ::lstat(path_.data(), &facts) == 0 && facts.st_ino == file_;
}

}  // namespace secshr::client
