// secshrctl status and metrics.
#pragma once

#include <chrono>

#include "admin/failure.h"

namespace secshr::admin {

Result<ExitStatus> show_status(bool as_json);
// On a terminal, anew each time the interval has passed, until it is interrupted.
Result<ExitStatus> watch_status(std::chrono::milliseconds interval);
// In the text format of Prometheus.
Result<ExitStatus> show_metrics();

}  // namespace secshr::admin
