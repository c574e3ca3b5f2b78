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
  // Not in every kernel. Without the first, the time of sending tells the sender from a later process with its pid,
  // and is asked for only there: receive.cpp takes it for the sign. Without the second, descriptors are closed
  // unseen.
  if (!set_option(socket, SO_PASSPIDFD, 1) && !set_option(socket, SO_TIMESTAMPNS, 1)) return false;
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
std::expected<struct stat, SocketFault> take_file(int directory, const char* name, const sockaddr_un& address,
                                                  gid_t group) noexcept {
  const Descriptor file(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat made{};
  if (!file || ::fstat(file.get(), &made) != 0 || !S_ISSOCK(made.st_mode) || made.st_uid != 0 ||
      !is_bound_to(file.get(), address)) {
    return std::unexpected(SocketFault{"replaced", EPERM});
  }
  // A directory with the setgid bit has given it its own.
  if (made.st_gid != group && ::fchownat(file.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) != 0) {
    return std::unexpected(SocketFault{"group", errno});
  }
  return made;
}

}  // namespace

std::expected<ServerSocket, SocketFault> bind_server_socket(int directory, const protocol::SocketName& name,
                                                            mode_t mode, gid_t group) noexcept {
  Descriptor socket = make_datagram_socket();
  if (!socket || !prepare(socket.get())) return std::unexpected(SocketFault{"socket", errno});

  const auto temporary = random_name();
  const sockaddr_un address = address_in(directory, temporary.data());
  const GroupOfFiles guard(group);
  if (!guard.ok()) return std::unexpected(SocketFault{"group", EINVAL});
  if (const int error = bind_with_mode(socket.get(), address, mode); error != 0) {
    return std::unexpected(SocketFault{"bind", error});
  }
  const auto made = take_file(directory, temporary.data(), address, group);
  if (!made) return std::unexpected(made.error());
  if (::renameat(directory, temporary.data(), directory, name.c_str()) != 0) {
    const int error = errno;
    (void)::unlinkat(directory, temporary.data(), 0);
    return std::unexpected(SocketFault{error == EISDIR ? "name-is-a-directory" : "rename", error});
  }
  ServerSocket bound_socket{std::move(socket), made->st_dev, made->st_ino};
  // In a directory that is not sticky others may have exchanged it: what has the name must be what was bound.
  if (state_of_name(directory, name, bound_socket) != NameState::ours) {
    return std::unexpected(SocketFault{"replaced", EPERM});
  }
  return bound_socket;
}

bool passes_pidfds(int socket) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, SO_PASSPIDFD, &value, &size) == 0 && value != 0;
}

NameState state_of_name(int directory, const protocol::SocketName& name, const ServerSocket& socket) noexcept {
  struct stat named{};
  if (::fstatat(directory, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == EACCES ? NameState::unknown : NameState::lost;
  }
  return named.st_dev == socket.device && named.st_ino == socket.inode ? NameState::ours : NameState::lost;
}

}  // namespace secshr
