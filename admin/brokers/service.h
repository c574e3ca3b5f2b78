// secshrctl start and stop.
#pragma once

#include <optional>
#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// A broker for each of the installations, or for the one of this name, as its clients would start it.
Result<ExitStatus> start(const std::optional<std::string>& name);
// Ends them in order; the next client starts another.
Result<ExitStatus> stop(const std::optional<std::string>& name);

}  // namespace secshr::admin
