// Times as an administrator gives them: of the calendar, in UTC, or so long ago.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace secshr::admin {

using LogTime = std::chrono::sys_time<std::chrono::microseconds>;

// In the log's own form, which sorts. "2026-11-22", "2026-11-22T10:30", with seconds and up to six digits behind
// them, with a Z or without, a space for the T; or "90s", "10m", "2h", "1d", "3w" before `now`. nullopt: neither.
[[nodiscard]] std::optional<std::string> parse_log_time(std::string_view text, LogTime now);

}  // namespace secshr::admin
