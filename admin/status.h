// secshrctl status: every adopted installation, whether it is intact, and its broker as the kernel sees it.
#pragma once

#include "admin/failure.h"

namespace secshr::admin {

Result<ExitStatus> show_status(bool as_json);

}  // namespace secshr::admin
