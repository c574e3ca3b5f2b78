// secshrctl explain: what a rule protects, what a request must fulfil, and what to do about a refusal.
#pragma once

#include <optional>
#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// One rule; without one, all of them in a line each.
Result<ExitStatus> explain(const std::optional<std::string>& rule, bool as_json);

}  // namespace secshr::admin
