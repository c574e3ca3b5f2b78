// Starting a broker as a client does: by running the installation's wrapper.
#pragma once

#include <string>
#include <vector>

#include "admin/failure.h"
#include "installation/installation.h"

namespace secshr::admin {

// In the first of these directories where it can serve: whose directory it is may have made it such that it cannot.
// The wrapper's exit status of the last attempt, 0 where a broker serves now or served already.
Result<int> start_broker(const Installation& installation, const std::vector<std::string>& directories);

}  // namespace secshr::admin
