#include "secshr/authenticate.h"

#include <cerrno>

namespace secshr {

std::expected<Peer, Denied> identify(Kernel& kernel, Received& received, OverflowIds overflow) noexcept {
  if (received.control_truncated || !received.credentials)
    return std::unexpected(Denied{rule::peer_namespace, EPERM});
  const Credentials& credentials = *received.credentials;
  // pid 0: the sender is outside our pid namespace. Overflow ids: outside our user namespace.
  if (credentials.pid <= 0 || credentials.uid == overflow.uid || credentials.gid == overflow.gid) {
    return std::unexpected(Denied{rule::peer_namespace, EPERM});
  }
  if (!received.pidfd || !kernel.is_alive(received.pidfd.get())) return std::unexpected(Denied{rule::none, ESRCH});
  return Peer{credentials, std::move(received.pidfd)};
}

std::optional<protocol::SocketName> reply_name(const protocol::Profile& profile, const Received& received,
                                               const Peer& peer) noexcept {
  // A relative name says nothing about the directory that it was bound in; stock clients bind absolute ones.
  if (received.sender[0] != '/') return std::nullopt;
  const auto name = protocol::parse_client_socket_name(profile, protocol::last_component(received.sender));
  if (!name || name->pid != peer.credentials.pid) return std::nullopt;
  return protocol::client_socket_name(profile, name->pid, name->suffix);
}

std::optional<Denied> contradiction(const Peer& peer, const protocol::RequestHeader& header) noexcept {
  if (header.pid != peer.credentials.pid) return Denied{rule::peer_pid, EPERM};
  return std::nullopt;
}

}  // namespace secshr
