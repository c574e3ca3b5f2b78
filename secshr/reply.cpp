// Sending one reply to the one socket it is meant for. Each leaves through a socket of its own, connected to the very
// object that was verified, so that neither the name's fate nor other clients' unread replies matter.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "secshr/act_as.h"
#include "secshr/linux_kernel.h"

namespace secshr {
namespace {

// Looks the name up without following a link, checks what was found, and connects to just that.
std::expected<void, int> connect_verified(int socket, int directory, const char* name, uid_t owner) noexcept {
  const Descriptor target(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return std::unexpected(errno);
  struct stat facts{};
  if (::fstat(target.get(), &facts) != 0) return std::unexpected(errno);
  if (!S_ISSOCK(facts.st_mode) || facts.st_uid != owner) return std::unexpected(EPERM);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", target.get());
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::unexpected(errno);
  return {};
}

// As whoever may search the directory: the client, the client in the directory's group, and, for root's sockets,
// which nobody acts as root for, the directory's owner.
std::expected<void, int> connect_as_another(int socket, int directory, const char* name,
                                            const Credentials& client) noexcept {
  struct stat facts{};
  if (::fstat(directory, &facts) != 0) return std::unexpected(errno);
  const std::array<std::pair<uid_t, gid_t>, 3> candidates{
      {{client.uid, client.gid}, {client.uid, facts.st_gid}, {facts.st_uid, facts.st_gid}}};
  std::expected<void, int> connected = std::unexpected(EACCES);
  for (const auto& [uid, gid] : candidates) {
    const FileIdentity identity(uid, gid);
    if (!identity.ok()) continue;
    connected = connect_verified(socket, directory, name, client.uid);
    if (connected || connected.error() != EACCES) break;
  }
  return connected;
}

}  // namespace

std::expected<void, int> LinuxKernel::send_reply(int directory, const char* name, const Credentials& client,
                                                 std::span<const std::byte> reply) noexcept {
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(errno);
  // First as nobody in particular, which is all that most sockets need.
  auto connected = connect_verified(socket.get(), directory, name, client.uid);
  if (!connected && connected.error() == EACCES) {
    connected = connect_as_another(socket.get(), directory, name, client);
  }
  if (!connected) return connected;
  if (::send(socket.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return std::unexpected(errno);
  return {};
}

}  // namespace secshr
