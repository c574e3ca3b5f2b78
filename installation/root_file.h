// Reading a whole file that only root can have written, by a path that only root can have laid.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

#include "installation/configuration_error.h"
#include "system/root_controlled.h"

namespace secshr {

// Refuses anything but a regular file of at most `limit` bytes; never waits (a FIFO does not block the open).
std::expected<std::string, ConfigurationError> read_root_file(const char* path, std::size_t limit);

// A fault in words for an administrator.
std::string explain(PathFault fault);

}  // namespace secshr
