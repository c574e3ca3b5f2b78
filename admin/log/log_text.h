// A line of the audit log for a person, and for a program. Both are printable ASCII, whatever was in the file.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/log/line_reader.h"
#include "admin/log/log_entry.h"

namespace secshr::admin {

// Escaped as the log has it, and not in quotes.
[[nodiscard]] std::string escaped(std::string_view text);

// Without a newline. `installation` is shown where it is not empty.
[[nodiscard]] std::string text_of(const LogEntry& entry, std::string_view installation);
// All of its fields: numbers, where they are some, null for what is not known, and strings escaped as in the log, so
// that bytes that are no UTF-8 are told, too.
[[nodiscard]] nlohmann::ordered_json json_of(const LogEntry& entry, std::string_view installation);

// The same for a line that is not of the log's form.
[[nodiscard]] std::string text_of(const FileLine& odd, std::string_view installation);
[[nodiscard]] nlohmann::ordered_json json_of(const FileLine& odd, std::string_view installation);

}  // namespace secshr::admin
