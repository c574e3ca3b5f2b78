// The socket of the broker that serves an installation in a directory.
#pragma once

#include <sys/un.h>

#include <optional>

#include "client/handle.h"
#include "system/descriptor.h"

namespace secshr::client {

// Held by descriptor: what was found to be root's is what is sent to.
struct Server {
  Descriptor file;
  sockaddr_un address{};  // through the descriptor
};

// None: there is no such name, or it is not root's, or no wrapper to tell it by. To run the wrapper puts right, or
// explains, either.
[[nodiscard]] std::optional<Server> find_server(const Handle& handle) noexcept;

// Whether anybody is still bound to it.
[[nodiscard]] bool is_served(const Server& server) noexcept;

}  // namespace secshr::client
