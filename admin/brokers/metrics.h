// The brokers' counters in the text format of Prometheus, for a collector that reads files.
#pragma once

#include <string>

#include "admin/brokers/status_view.h"

namespace secshr::admin {

// Names and labels are for ever: what is added is added at the end.
std::string metrics_of(const Status& status);

}  // namespace secshr::admin
