// secshrctl reload: a new broker in the place of the one that runs, which opens everything anew: configuration, log
// file, programs. No request is lost.
#pragma once

#include <optional>
#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// Of one installation, or of all. Not running where no broker runs: the next start opens everything anew by itself.
Result<ExitStatus> reload(const std::optional<std::string>& name);

}  // namespace secshr::admin
