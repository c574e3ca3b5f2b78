// Where a broker has its lock, its control socket and its counters: /run/secshr/NAME, or a directory in it for those
// whose namespaces are not the ones that had it first. Processes, IPC objects, paths and the list of bound sockets
// mean something in their namespaces alone, so each set of those has a broker of its own.
#pragma once

#include <expected>
#include <string>

#include "secshr/start/root_directories.h"
#include "system/descriptor.h"

namespace secshr {

// Made where it is missing; all of the way is root-controlled.
[[nodiscard]] std::expected<Descriptor, PlaceFault> open_run_place(const std::string& installation);

}  // namespace secshr
