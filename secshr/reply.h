// Connecting a socket to the one client that a reply is meant for. A connected socket keeps meaning that very object,
// whatever happens to the name.
#pragma once

#include <expected>

#include "secshr/kernel.h"

namespace secshr {

// Connects a datagram socket to the socket file `name` in `directory`, provided that it is, at that moment, a socket
// that `client` owns, and never through a link. ENOENT, ECONNREFUSED: gone; EPERM: somebody else's, no socket, or
// connected to another; EPROTOTYPE: no datagram socket; EACCES: out of everybody's reach. After an error the socket
// is connected as it was before.
[[nodiscard]] std::expected<void, int> connect_to_client(int socket, int directory, const char* name,
                                                         const Credentials& client) noexcept;

}  // namespace secshr
