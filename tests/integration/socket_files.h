// Socket files: leftovers, and such that somebody is bound to.
#pragma once

#include <sys/types.h>

#include <string>

#include "system/descriptor.h"

namespace secshr::test {

// Nobody is bound to it any more. What has the name is replaced, but for a directory.
void write_dead_socket(const std::string& path, uid_t uid, gid_t gid, mode_t mode = 0755);

// Bound for as long as the descriptor is open; `type` is SOCK_DGRAM, SOCK_STREAM, …
Descriptor write_live_socket(const std::string& path, int type, uid_t uid, gid_t gid, mode_t mode = 0755);

}  // namespace secshr::test
