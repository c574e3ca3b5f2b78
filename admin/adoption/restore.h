// secshrctl restore: an adopted installation gets its own gtmsecshr back; one that had none is rid of ours.
#pragma once

#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// `directory` as given. An installation that is not adopted is left as it is; a half-finished run is finished. The
// record of an installation that is gone is removed.
Result<ExitStatus> restore(const std::string& directory);

}  // namespace secshr::admin
