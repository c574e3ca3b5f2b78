// One line of the audit log, taken apart: the record of a request, or an event of the broker's life, of which some
// count requests that have no line. Nothing that the broker cannot have written is an entry.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "secshr/audit/logfmt.h"

namespace secshr::admin {

// What the broker has for "not known", and for "no rule".
inline constexpr std::string_view not_known = "-";

struct LogRecord {
  std::optional<uid_t> uid;  // nullopt: the broker did not know it either
  std::optional<pid_t> pid;
  std::string request;
  std::string verdict;
  std::string rule;
  std::string code;
  bool is_late = false;  // a second record of its request
};

// Requests that have no line of their own. nullopt: the line does not say.
struct LogCount {
  std::optional<uid_t> uid;
  std::optional<std::string> request;
  std::optional<std::string> verdict;
  std::optional<std::string> rule;
  std::uint64_t count = 0;
  bool operator==(const LogCount&) const = default;
};

// Starts that had something to say and did not.
struct StartCount {
  std::optional<uid_t> uid;  // nullopt: of several
  std::uint64_t count = 0;
};

struct LogEvent {
  std::string name;
  std::vector<LogCount> counts;
  std::optional<StartCount> starts;
  std::uint64_t lost = 0;  // lines
};

struct LogEntry {
  LogFields fields;  // all of them, in the line's order; the first is the time
  std::variant<LogRecord, LogEvent> what;
  [[nodiscard]] const std::string& time() const { return fields.front().second; }
};

[[nodiscard]] std::optional<LogEntry> parse_log_entry(std::string_view line);

// "2000-01-01T00:00:00.000000Z", and a time that exists.
[[nodiscard]] bool is_log_time(std::string_view text);

}  // namespace secshr::admin
