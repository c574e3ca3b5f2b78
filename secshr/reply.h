// Connecting a socket to the one client that a reply is meant for. A connected socket keeps meaning that very object,
// whatever happens to the name.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>

#include "secshr/kernel.h"

namespace secshr {

// The file that a socket was connected by, as it was then: no other is it while that socket lives, and who may
// connect to it has not changed.
struct ConnectedFile {
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const ConnectedFile&) const = default;
};
[[nodiscard]] constexpr ConnectedFile connected_file(const struct stat& facts) noexcept {
  return {facts.st_dev, facts.st_ino, facts.st_mode, facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec};
}

// Connects a datagram socket to the socket file `name` in `directory`, provided that it is, at that moment, a socket
// that `client` owns, and never through a link. ENOENT, ECONNREFUSED: gone; EPERM: somebody else's, no socket, or
// connected to another; EPROTOTYPE: no datagram socket; EACCES: out of everybody's reach. After an error the socket
// is connected as it was before.
[[nodiscard]] std::expected<ConnectedFile, int> connect_to_client(int socket, int directory, const char* name,
                                                                  const Credentials& client) noexcept;

}  // namespace secshr
