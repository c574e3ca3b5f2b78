// The broker's helpers, forked while still root. They leave when their channels close.
#pragma once

#include <optional>

#include "secshr/helper_pool.h"
#include "secshr/looker/looker.h"
#include "secshr/start/log_copy.h"
#include "secshr/start/plan.h"

namespace secshr {

struct Helpers {
  LookerSetup setup;  // its pins hold as long as the broker does
  StartedHelper looker;
  StartedHelper writer;
  StartedHelper recorder;
  std::optional<StartedHelper> copyist;  // a recorder of the copy
};

[[nodiscard]] Started<Helpers> start_helpers(const Plan& plan, const Logs& logs);
// Until all of them have come up. Service depends on each but the copyist, who is let go if it has not.
[[nodiscard]] Started<void> await_helpers(Helpers& helpers);

}  // namespace secshr
