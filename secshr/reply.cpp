#include "secshr/reply.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "secshr/datagram_socket.h"
#include "secshr/privilege/act_as.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

// Looks the name up without following a link, checks what was found, and connects to just that.
std::expected<ConnectedFile, int> connect_verified(int socket, int directory, const char* name,
                                                   uid_t owner) noexcept {
  const Descriptor target(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return std::unexpected(errno);
  struct stat facts{};
  if (::fstat(target.get(), &facts) != 0) return std::unexpected(errno);
  if (!S_ISSOCK(facts.st_mode) || facts.st_uid != owner) return std::unexpected(EPERM);
  if (const int error = connect_to_file(socket, target.get()); error != 0) return std::unexpected(error);
  return connected_file(facts);
}

// As whoever may search the directory: the client, the client in the directory's group, and, for root's sockets,
// which nobody acts as root for, the directory's owner.
std::expected<ConnectedFile, int> connect_as_another(int socket, int directory, const char* name,
                                                     const Credentials& client) noexcept {
  struct stat facts{};
  if (::fstat(directory, &facts) != 0) return std::unexpected(errno);
  const std::array<std::pair<uid_t, gid_t>, 3> candidates{
      {{client.uid, client.gid}, {client.uid, facts.st_gid}, {facts.st_uid, facts.st_gid}}};
  std::expected<ConnectedFile, int> connected = std::unexpected(EACCES);
  for (const auto& [uid, gid] : candidates) {
    const FileIdentity identity(uid, gid);
    if (!identity.ok()) continue;
    connected = connect_verified(socket, directory, name, client.uid);
    if (connected || connected.error() != EACCES) break;
  }
  return connected;
}

}  // namespace

std::expected<ConnectedFile, int> connect_to_client(int socket, int directory, const char* name,
                                                    const Credentials& client) noexcept {
  // First as nobody in particular, which is all that most sockets need.
  auto connected = connect_verified(socket, directory, name, client.uid);
  if (!connected && connected.error() == EACCES) connected = connect_as_another(socket, directory, name, client);
  return connected;
}

}  // namespace secshr
