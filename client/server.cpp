#include "client/server.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "client/bound.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "system/uninterrupted.h"

namespace secshr::client {

std::optional<Server> find_server(const Handle& handle) noexcept {
  // Each time: the wrapper is replaced by an upgrade, and the key with it.
  struct stat wrapper{};
  if (::stat(handle.wrapper.data(), &wrapper) != 0) return std::nullopt;
  const auto name =
      protocol::server_socket_name(*handle.profile, protocol::server_key(wrapper.st_dev, wrapper.st_ino));
  std::array<char, protocol::socket_address_path_size> path{};
  (void)std::snprintf(path.data(), path.size(), "%s/%s", handle.directory.data(), name.c_str());
  Descriptor file(uninterrupted([&] { return ::open(path.data(), O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return std::nullopt;
  // Anybody's but root's is a squatter's, whose answers would be worth nothing.
  errno = ENOENT;
  if (!S_ISSOCK(facts.st_mode) || facts.st_uid != 0) return std::nullopt;
  const sockaddr_un address = address_of_file(file.get());
  return Server{std::move(file), address};
}

}  // namespace secshr::client
