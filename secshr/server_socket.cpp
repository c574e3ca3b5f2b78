#include "secshr/server_socket.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "secshr/datagram_socket.h"
#include "system/uninterrupted.h"

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
  // Not in every kernel. Without the first, the time of sending tells the sender from a later process with its pid,
  // and is asked for only there: receive.cpp takes it for the sign. Without the second, descriptors are closed
  // unseen.
  if (!set_option(socket, SO_PASSPIDFD, 1) && !set_option(socket, SO_TIMESTAMPNS, 1)) return false;
  (void)set_option(socket, SO_PASSRIGHTS, 0);
  return true;
}

// Empty: there is none to be had.
std::string random_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) return {};
  std::array<char, 32> name{};
  (void)std::snprintf(name.data(), name.size(), ".secshr-%016lx", static_cast<unsigned long>(number));
  return name.data();
}

// The group of the files that are made while it lives; also one that root, who has no CHOWN here, may give to a file
// of its own.
class GroupOfFiles {
 public:
  explicit GroupOfFiles(gid_t group) noexcept {
    (void)::setfsgid(group);
    // It reports nothing: an impossible id changes nothing and returns the one in force.
    ok_ = static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) == group;
  }
  GroupOfFiles(const GroupOfFiles&) = delete;
  GroupOfFiles& operator=(const GroupOfFiles&) = delete;
  ~GroupOfFiles() {
    const gid_t own = ::getegid();
    (void)::setfsgid(own);
    if (static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) != own) std::abort();
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  bool ok_ = false;
};

// The mode comes with the creation. 0, or an errno.
int bind_with_mode(int socket, const sockaddr_un& address, mode_t mode) noexcept {
  const mode_t old_mask = ::umask(static_cast<mode_t>(~mode & 0777U));
  const int error = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  (void)::umask(old_mask);
  return error;
}

// Whether `file` is what was bound to that address: by the kernel's word, whoever connects to it has this peer. The
// address has a random name in it, which nobody else can have bound as root.
bool is_bound_to(int file, const sockaddr_un& address) noexcept {
  const Descriptor probe = make_datagram_socket();
  sockaddr_un peer{};
  socklen_t size = sizeof peer;
  return probe && connect_to_file(probe.get(), file) == 0 &&
         ::getpeername(probe.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
         std::strncmp(peer.sun_path, address.sun_path, sizeof peer.sun_path) == 0;
}

// What was bound, as it lies in the directory: in one that is not sticky, others may have exchanged it already.
std::expected<Descriptor, SocketFault> take_file(int directory, const char* name, const sockaddr_un& address,
                                                 gid_t group) noexcept {
  Descriptor file(uninterrupted([&] { return ::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  struct stat made{};
  if (!file || ::fstat(file.get(), &made) != 0 || !S_ISSOCK(made.st_mode) || made.st_uid != 0 ||
      !is_bound_to(file.get(), address)) {
    return std::unexpected(SocketFault{"replaced", EPERM});
  }
  // A directory with the setgid bit has given it its own.
  if (made.st_gid != group && ::fchownat(file.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) != 0) {
    return std::unexpected(SocketFault{"group", errno});
  }
  return file;
}

NameState state_of_file(int directory, const char* name, const ServerSocket& socket) noexcept {
  struct stat named{};
  if (::fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == EACCES ? NameState::unknown : NameState::lost;
  }
  return named.st_dev == socket.device && named.st_ino == socket.inode ? NameState::ours : NameState::lost;
}

}  // namespace

BoundSocket::BoundSocket(int directory, std::string temporary) noexcept
    : directory_(directory), temporary_(std::move(temporary)), socket_{make_datagram_socket(), {}, 0, 0} {}

BoundSocket::BoundSocket(BoundSocket&& other) noexcept
    : directory_(other.directory_),
      temporary_(std::exchange(other.temporary_, {})),
      socket_(std::move(other.socket_)) {}

BoundSocket::~BoundSocket() {
  if (!temporary_.empty() && state_of_file(directory_, temporary_.c_str(), socket_) == NameState::ours) {
    (void)::unlinkat(directory_, temporary_.c_str(), 0);
  }
}

std::expected<BoundSocket, SocketFault> BoundSocket::bind(int directory, mode_t mode, gid_t group) noexcept {
  BoundSocket bound(directory, random_name());
  Descriptor& socket = bound.socket_.socket;
  if (bound.temporary_.empty() || !socket || !prepare(socket.get())) {
    return std::unexpected(SocketFault{"socket", errno});
  }
  const char* const temporary = bound.temporary_.c_str();
  const sockaddr_un address = address_in(directory, temporary);
  const GroupOfFiles guard(group);
  if (!guard.ok()) return std::unexpected(SocketFault{"group", EINVAL});
  if (const int error = bind_with_mode(socket.get(), address, mode); error != 0) {
    return std::unexpected(SocketFault{"bind", error});
  }
  const auto file = take_file(directory, temporary, address, group);
  if (!file) return std::unexpected(file.error());
  auto seal = QueueSeal::make(file->get());
  if (!seal) return std::unexpected(SocketFault{"seal", seal.error()});
  bound.socket_.seal = *std::move(seal);
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0) return std::unexpected(SocketFault{"replaced", errno});
  bound.socket_.device = facts.st_dev;
  bound.socket_.inode = facts.st_ino;
  return bound;
}

std::expected<ServerSocket, SocketFault> BoundSocket::take_name(const protocol::SocketName& name) && noexcept {
  if (::renameat(directory_, temporary_.c_str(), directory_, name.c_str()) != 0) {
    return std::unexpected(SocketFault{errno == EISDIR ? "name-is-a-directory" : "rename", errno});
  }
  temporary_.clear();
  // In a directory that is not sticky others may have exchanged it: what has the name must be what was bound.
  if (state_of_name(directory_, name, socket_) != NameState::ours) {
    return std::unexpected(SocketFault{"replaced", EPERM});
  }
  return std::move(socket_);
}

bool passes_pidfds(int socket) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, SO_PASSPIDFD, &value, &size) == 0 && value != 0;
}

NameState state_of_name(int directory, const protocol::SocketName& name, const ServerSocket& socket) noexcept {
  return state_of_file(directory, name.c_str(), socket);
}

}  // namespace secshr
