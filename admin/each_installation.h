// Doing the same to several installations: what fails for one is said, and keeps none of the others from it.
#pragma once

#include <functional>
#include <vector>

#include "admin/failure.h"
#include "installation/installation.h"

namespace secshr::admin {

// Fine where it was for one of them and none failed; not_running where there was nothing to do for any. The failures
// are one, with the worst status.
Result<ExitStatus> do_for_each(const std::vector<Installation>& installations,
                               const std::function<Result<ExitStatus>(const Installation&)>& action);

}  // namespace secshr::admin
