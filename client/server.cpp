#include "client/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "protocol/server_key.h"
#include "protocol/socket_names.h"

namespace secshr::client {

std::optional<Server> find_server(const Handle& handle) noexcept {
  // Each time: the wrapper is replaced by an upgrade, and the key with it.
  struct stat wrapper{};
  if (::stat(handle.wrapper.data(), &wrapper) != 0) return std::nullopt;
  const auto name =
      protocol::server_socket_name(*handle.profile, protocol::server_key(wrapper.st_dev, wrapper.st_ino));
  std::array<char, protocol::socket_address_path_size> path{};
  (void)std::snprintf(path.data(), path.size(), "%s/%s", handle.directory.data(), name.c_str());
  Server server{Descriptor(::open(path.data(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), {}};
  struct stat facts{};
  if (!server.file || ::fstat(server.file.get(), &facts) != 0) return std::nullopt;
  // Anybody's but root's is a squatter's, whose answers would be worth nothing.
  if (!S_ISSOCK(facts.st_mode) || facts.st_uid != 0) return std::nullopt;
  server.address.sun_family = AF_UNIX;
  (void)std::snprintf(server.address.sun_path, sizeof server.address.sun_path, "/proc/self/fd/%d", server.file.get());
  return server;
}

bool is_served(const Server& server) noexcept {
  const Descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* const address = reinterpret_cast<const sockaddr*>(&server.address);
  return !probe || ::connect(probe.get(), address, sizeof server.address) == 0 || errno != ECONNREFUSED;
}

}  // namespace secshr::client
