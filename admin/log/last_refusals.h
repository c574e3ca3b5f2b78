// What was refused lately, from the end of the audit log.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "admin/log/log_entry.h"

namespace secshr::admin {

// The last ones of the log's last lines, the oldest first. None where the log cannot be read.
std::vector<LogEntry> last_refusals(const std::string& log, std::size_t most);

}  // namespace secshr::admin
