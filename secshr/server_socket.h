// The server socket: bound under a random name and renamed into place over whatever has the name, and never unlinked,
// since in a sticky directory the dead file keeps the name from being squatted.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>

#include "protocol/socket_names.h"
#include "secshr/queue_seal.h"
#include "system/descriptor.h"

namespace secshr {

struct SocketFault {
  const char* step;  // "socket", "bind", "group", "seal", "name-is-a-directory", "rename", "replaced"
  int error;
};

struct ServerSocket {
  Descriptor socket;
  QueueSeal seal;
  dev_t device;  // of the file that has the name
  ino_t inode;
};

// A server socket that has not got its name yet: all that can be done before that changes anything for anybody.
class BoundSocket {
 public:
  // `directory`, an O_PATH descriptor, stays the caller's, and open for as long as this lives. The file gets this
  // mode and group. Called as root.
  [[nodiscard]] static std::expected<BoundSocket, SocketFault> bind(int directory, mode_t mode, gid_t group) noexcept;

  BoundSocket(BoundSocket&& other) noexcept;
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;
  BoundSocket& operator=(BoundSocket&&) = delete;
  // Removes the file that has not got the name.
  ~BoundSocket();

  // From here on it is what clients reach, whatever had the name before. Called as root.
  [[nodiscard]] std::expected<ServerSocket, SocketFault> take_name(const protocol::SocketName& name) && noexcept;

 private:
  BoundSocket(int directory, std::string temporary) noexcept;

  int directory_;
  std::string temporary_;  // empty: it has been renamed, or moved from
  ServerSocket socket_;
};

// Whether the kernel passes a pidfd of the sender along with each datagram (Linux 6.5). Where it does not, it says
// when each was sent.
[[nodiscard]] bool passes_pidfds(int socket) noexcept;

enum class NameState { ours, lost, unknown };
// Whether the name still stands for that file; unknown where this process may not look.
[[nodiscard]] NameState state_of_name(int directory, const protocol::SocketName& name,
                                      const ServerSocket& socket) noexcept;

}  // namespace secshr
