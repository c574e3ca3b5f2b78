// Having the broker started: the installation's set-user-ID wrapper is run, and waited for.
#pragma once

#include "client/handle.h"

namespace secshr::client {

// 0: somebody serves now. Else a negative errno value that is explained: -ECONNREFUSED, or why there is no child.
[[nodiscard]] int run_wrapper(const Handle& handle) noexcept;

}  // namespace secshr::client
