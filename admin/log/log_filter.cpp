#include "admin/log/log_filter.h"

#include <algorithm>
#include <string_view>

#include "protocol/request.h"
#include "secshr/audit/audit.h"
#include "secshr/outcome.h"

namespace secshr::admin {
namespace {

template <class Value>
Match compare(const std::optional<Value>& wanted, const std::optional<Value>& told) {
  if (!wanted) return Match::yes;
  if (!told) return Match::unknown;
  return *wanted == *told ? Match::yes : Match::no;
}

// The two directions of a flush are one request, too.
bool is_request(std::string_view wanted, std::string_view told) {
  const bool is_flush = told == recorded::flush_open || told == recorded::flush_close;
  return wanted == told || (is_flush && wanted == protocol::request_name(protocol::RequestCode::flush_header));
}
Match compare_request(const std::optional<std::string>& wanted, const std::optional<std::string>& told) {
  if (!wanted) return Match::yes;
  if (!told) return Match::unknown;
  return is_request(*wanted, *told) ? Match::yes : Match::no;
}

// What is withheld was not done, and what a rule withheld did not fail either: it was refused, or dropped.
Match compare_verdict(const std::optional<std::string>& wanted, const LogCount& count) {
  if (!wanted || count.verdict) return compare(wanted, count.verdict);
  const bool can_be =
      *wanted != verdict_name(Verdict::done) && !(count.rule && *wanted == verdict_name(Verdict::failed));
  return can_be ? Match::unknown : Match::no;
}

}  // namespace

bool is_in_time(const LogFilter& filter, const LogEntry& entry) {
  return (!filter.since || entry.time() >= *filter.since) && (!filter.until || entry.time() < *filter.until);
}

bool matches(const LogFilter& filter, const LogRecord& record) {
  return (!filter.uid || filter.uid == record.uid) && (!filter.pid || filter.pid == record.pid) &&
         (!filter.request || is_request(*filter.request, record.request)) &&
         (!filter.verdict || filter.verdict == record.verdict) && (!filter.rule || filter.rule == record.rule);
}

Match matches(const LogFilter& filter, const LogCount& count) {
  return std::min({compare(filter.uid, count.uid), filter.pid ? Match::unknown : Match::yes,
                   compare_request(filter.request, count.request), compare_verdict(filter.verdict, count),
                   compare(filter.rule, count.rule)});
}

Match matches(const LogFilter& filter, const StartCount& starts) {
  if (filter.pid || filter.request || filter.verdict || filter.rule) return Match::no;
  return compare(filter.uid, starts.uid);
}

bool is_wanted(const LogFilter& filter, const LogEntry& entry) {
  if (!is_in_time(filter, entry)) return false;
  if (const auto* const record = std::get_if<LogRecord>(&entry.what)) return matches(filter, *record);
  if (!filter.is_about_requests()) return true;
  const auto& event = std::get<LogEvent>(entry.what);
  if (event.starts && matches(filter, *event.starts) == Match::yes) return true;
  return std::ranges::any_of(event.counts,
                             [&](const LogCount& count) { return matches(filter, count) == Match::yes; });
}

}  // namespace secshr::admin
