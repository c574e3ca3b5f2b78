// Which entries of the audit log are wanted. Of requests that were only counted the log does not say everything, so
// that of some nobody can tell whether they are.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "admin/log/log_entry.h"

namespace secshr::admin {

struct LogFilter {
  std::optional<uid_t> uid = std::nullopt;
  std::optional<pid_t> pid = std::nullopt;
  std::optional<std::string> request = std::nullopt;
  std::optional<std::string> verdict = std::nullopt;
  std::optional<std::string> rule = std::nullopt;
  std::optional<std::string> since = std::nullopt;  // from then on
  std::optional<std::string> until = std::nullopt;  // what is earlier than that

  // Whether it asks for anything that only requests have.
  [[nodiscard]] bool is_about_requests() const { return uid || pid || request || verdict || rule; }
};

enum class Match { no, unknown, yes };

[[nodiscard]] bool is_in_time(const LogFilter& filter, const LogEntry& entry);
[[nodiscard]] bool matches(const LogFilter& filter, const LogRecord& record);
[[nodiscard]] Match matches(const LogFilter& filter, const LogCount& count);
// Starts are no requests, but they are somebody's.
[[nodiscard]] Match matches(const LogFilter& filter, const StartCount& starts);

// Whether its line is to be shown: the time fits, and it, or something that it counts, is what is wanted.
[[nodiscard]] bool is_wanted(const LogFilter& filter, const LogEntry& entry);

}  // namespace secshr::admin
