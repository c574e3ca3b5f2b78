#include "secshr/reply.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "secshr/datagram_socket.h"
#include "secshr/privilege/act_as.h"
#include "system/descriptor.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

struct Target {
  Descriptor file;  // O_PATH
  struct stat facts{};
};

// Looks the name up without following a link: a socket of that owner.
std::expected<Target, int> look_up(int directory, const char* name, uid_t owner) noexcept {
  Target target{Descriptor(uninterrupted([&] { return ::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); })),
                {}};
  if (!target.file || ::fstat(target.file.get(), &target.facts) != 0) return std::unexpected(errno);
  if (!S_ISSOCK(target.facts.st_mode) || target.facts.st_uid != owner) return std::unexpected(EPERM);
  return target;
}

// Connects to just what was looked up.
std::expected<ConnectedFile, int> connect_to(int socket, const Target& target) noexcept {
  if (const int error = connect_to_file(socket, target.file.get()); error != 0) return std::unexpected(error);
  return connected_file(target.facts);
}

// As whoever may search the directory and write to the socket: the client, the client in the directory's group, and,
// for root's sockets, which nobody acts as root for, the directory's owner.
std::expected<ConnectedFile, int> connect_as_another(int socket, int directory, const char* name,
                                                     const Credentials& client,
                                                     std::expected<Target, int> target) noexcept {
  struct stat facts{};
  if (::fstat(directory, &facts) != 0) return std::unexpected(errno);
  const std::array<std::pair<uid_t, gid_t>, 3> candidates{
      {{client.uid, client.gid}, {client.uid, facts.st_gid}, {facts.st_uid, facts.st_gid}}};
  for (const auto& [uid, gid] : candidates) {
    const FileIdentity identity(uid, gid);
    if (!identity.ok()) continue;
    if (!target) target = look_up(directory, name, client.uid);
    const auto connected = target ? connect_to(socket, *target) : std::unexpected(target.error());
    if (connected || connected.error() != EACCES) return connected;
  }
  return std::unexpected(EACCES);
}

}  // namespace

std::expected<ConnectedFile, int> connect_to_client(int socket, int directory, const char* name,
                                                    const Credentials& client) noexcept {
  // First as nobody in particular, which is all that many sockets need.
  auto target = look_up(directory, name, client.uid);
  if (!target && target.error() != EACCES) return std::unexpected(target.error());
  if (target && (target->facts.st_mode & S_IWOTH) != 0) {
    const auto connected = connect_to(socket, *target);
    if (connected || connected.error() != EACCES) return connected;
  }
  return connect_as_another(socket, directory, name, client, std::move(target));
}

}  // namespace secshr
