// The directories in which sockets can be left over, opened: those that the administrator names or has pinned, those
// that brokers serve or have served, and /tmp.
#pragma once

#include <string>
#include <vector>

#include "admin/failure.h"
#include "installation/installation.h"
#include "system/descriptor.h"

namespace secshr::admin {

struct SocketDirectory {
  std::string path;
  std::string origin;    // "given", "pinned", "remembered" or "default"
  Descriptor directory;  // O_PATH; none where something is wrong
  std::string fault;     // what
  bool is_missing = false;
};

// Without following a link anywhere on the way, which could lead where somebody else chose, and on local file systems
// only: elsewhere other machines' processes may be bound to what looks dead here.
[[nodiscard]] SocketDirectory open_socket_directory(std::string path, std::string origin);

// Each once, under the first name it was found by: the pinned ones, those that the installations' brokers served
// last, /tmp.
Result<std::vector<SocketDirectory>> served_socket_directories(const std::vector<Installation>& installations);
std::vector<SocketDirectory> given_socket_directories(const std::vector<std::string>& paths);

}  // namespace secshr::admin
