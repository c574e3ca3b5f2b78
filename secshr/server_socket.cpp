#include "secshr/server_socket.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "secshr/datagram_socket.h"

// Newer than glibc 2.36.
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

namespace secshr {
namespace {

bool set_option(int socket, int option, int value) noexcept {
  return ::setsockopt(socket, SOL_SOCKET, option, &value, sizeof value) == 0;
}

// Before the socket has a name: no datagram may arrive without credentials.
bool prepare(int socket) noexcept {
  if (!set_option(socket, SO_PASSCRED, 1)) return false;
  // Not in every kernel. Without the first the pidfd is opened by pid, without the second descriptors are closed
  // unseen.
  (void)set_option(socket, SO_PASSPIDFD, 1);
  (void)set_option(socket, SO_PASSRIGHTS, 0);
  return true;
}

std::array<char, 32> random_name() noexcept {
  std::uint64_t number = 0;
  std::array<char, 32> name{};
  if (::getrandom(&number, sizeof number, 0) != sizeof number) return name;
  (void)std::snprintf(name.data(), name.size(), ".secshr-%016lx", static_cast<unsigned long>(number));
  return name;
}

}  // namespace

std::expected<ServerSocket, SocketFault> bind_server_socket(int directory, const protocol::SocketName& name,
                                                            mode_t mode) noexcept {
  Descriptor socket = make_datagram_socket();
  if (!socket || !prepare(socket.get())) return std::unexpected(SocketFault{"socket", errno});

  const auto temporary = random_name();
  const sockaddr_un address = address_in(directory, temporary.data());
  // The mode comes with the creation: a chmod by name could hit what somebody put there meanwhile.
  const mode_t old_mask = ::umask(static_cast<mode_t>(~mode & 0777U));
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int bind_error = errno;
  (void)::umask(old_mask);
  if (bound != 0) return std::unexpected(SocketFault{"bind", bind_error});

  struct stat made{};
  if (::fstatat(directory, temporary.data(), &made, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(made.st_mode) ||
      made.st_uid != 0) {
    return std::unexpected(SocketFault{"replaced", EPERM});
  }
  if (::renameat(directory, temporary.data(), directory, name.c_str()) != 0) {
    const int error = errno;
    (void)::unlinkat(directory, temporary.data(), 0);
    return std::unexpected(SocketFault{error == EISDIR ? "name-is-a-directory" : "rename", error});
  }
  ServerSocket bound_socket{std::move(socket), made.st_dev, made.st_ino};
  // In a directory that is not sticky others may have exchanged it: what has the name must be what was bound.
  if (state_of_name(directory, name, bound_socket) != NameState::ours) {
    return std::unexpected(SocketFault{"replaced", EPERM});
  }
  return bound_socket;
}

NameState state_of_name(int directory, const protocol::SocketName& name, const ServerSocket& socket) noexcept {
  struct stat named{};
  if (::fstatat(directory, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == EACCES ? NameState::unknown : NameState::lost;
  }
  return named.st_dev == socket.device && named.st_ino == socket.inode ? NameState::ours : NameState::lost;
}

}  // namespace secshr
