// The server socket: bound under a random name and renamed into place over whatever has the name, and never unlinked,
// since in a sticky directory the dead file keeps the name from being squatted.
#pragma once

#include <sys/types.h>

#include <expected>

#include "protocol/socket_names.h"
#include "system/descriptor.h"

namespace secshr {

struct SocketFault {
  const char* step;  // "socket", "bind", "group", "name-is-a-directory", "rename", "replaced"
  int error;
};

struct ServerSocket {
  Descriptor socket;
  dev_t device;  // of the file that has the name
  ino_t inode;
};

// `directory` is an O_PATH descriptor; the file gets this mode and group before it gets the name. Called as root,
// under the installation's lock.
[[nodiscard]] std::expected<ServerSocket, SocketFault> bind_server_socket(int directory,
                                                                          const protocol::SocketName& name,
                                                                          mode_t mode, gid_t group) noexcept;

// Whether the kernel passes a pidfd of the sender along with each datagram (Linux 6.5). Where it does not, it says
// when each was sent.
[[nodiscard]] bool passes_pidfds(int socket) noexcept;

enum class NameState { ours, lost, unknown };
// Whether the name still stands for that file; unknown where this process may not look.
[[nodiscard]] NameState state_of_name(int directory, const protocol::SocketName& name,
                                      const ServerSocket& socket) noexcept;

}  // namespace secshr
