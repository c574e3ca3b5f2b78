// A summary of the audit log for a person, and for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/log/log_summary.h"

namespace secshr::admin {

[[nodiscard]] std::string text_of(const LogSummary& summary, std::string_view installation);
[[nodiscard]] nlohmann::ordered_json json_of(const LogSummary& summary, std::string_view installation);

}  // namespace secshr::admin
