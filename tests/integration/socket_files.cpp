#include "tests/integration/socket_files.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tests/integration/client.h"

namespace secshr::test {

Descriptor write_live_socket(const std::string& path, int type, uid_t uid, gid_t gid, mode_t mode) {
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path.c_str());
  (void)::unlink(path.c_str());
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chown(path.c_str(), uid, gid) != 0 || ::chmod(path.c_str(), mode) != 0) {
    throw std::system_error(errno, std::generic_category(), "socket file " + path);
  }
  return socket;
}

void write_dead_socket(const std::string& path, uid_t uid, gid_t gid, mode_t mode) {
  (void)write_live_socket(path, SOCK_DGRAM, uid, gid, mode);
}

}  // namespace secshr::test
