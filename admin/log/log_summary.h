// The audit log in numbers: who asked what, how often, what was refused and why. Lines and counts together are the
// requests, as far as the log has them.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/log/log_entry.h"
#include "admin/log/log_filter.h"

namespace secshr::admin {

// What was withheld by a rule was refused or dropped; the log does not say which.
inline constexpr std::string_view withheld_verdict = "withheld";

// What is counted together.
struct SummaryKey {
  std::optional<uid_t> uid;  // nullopt: not known, or of several
  std::string request;       // "-": not known
  std::string verdict;
  std::string rule;  // "-": none, or not known
  std::string code;  // where no rule says why it was not done; else empty
  auto operator<=>(const SummaryKey&) const = default;
};

struct SummaryCount {
  std::uint64_t lines = 0;
  std::uint64_t counted = 0;  // without a line each
  [[nodiscard]] std::uint64_t all() const { return lines + counted; }
};

struct SummaryGroup {
  SummaryKey key;
  SummaryCount count;
};

class LogSummary {
 public:
  // Those that come when there are so many are counted together.
  static constexpr std::size_t most_groups = 4096;

  void add(const LogEntry& entry, const LogFilter& filter);
  // Of a line that is not of the log's form.
  void add_odd() { ++odd; }

  // The more the earlier.
  [[nodiscard]] std::vector<SummaryGroup> groups() const;

  std::string first;  // times, empty: none
  std::string last;
  SummaryCount requests;
  std::map<std::string, SummaryCount> verdicts;
  SummaryCount others;          // beyond most_groups
  std::uint64_t undecided = 0;  // counted, and the log does not say whether they are what is wanted
  SummaryCount starts;          // that came to nothing, or went on with the kept configuration
  std::uint64_t late = 0;       // second records of requests
  std::uint64_t repeated = 0;   // lines that are there twice
  std::uint64_t lost = 0;       // lines
  std::uint64_t odd = 0;

 private:
  void add(const LogRecord& record);
  void add(const LogEvent& event, const LogFilter& filter);
  void add(const SummaryKey& key, const SummaryCount& count);

  std::map<SummaryKey, SummaryCount> groups_;
  LogFields previous_;
};

}  // namespace secshr::admin
