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

// None, with errno set: there is no such name, or it is not root's, or no wrapper to tell it by, all of which to run
// the wrapper puts right, or explains; or a shortage of this process's.
[[nodiscard]] std::optional<Server> find_server(const Handle& handle) noexcept;

}  // namespace secshr::client
