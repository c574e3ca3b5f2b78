#include "admin/log/log_summary.h"

#include <algorithm>
#include <utility>

#include "secshr/outcome.h"

namespace secshr::admin {
namespace {

SummaryKey key_of(const LogRecord& record) {
  const bool is_explained = record.rule != not_known || record.verdict == verdict_name(Verdict::done);
  return {record.uid, record.request, record.verdict, record.rule, is_explained ? "" : record.code};
}
SummaryKey key_of(const LogCount& count) {
  const std::string unknown(not_known);
  return {count.uid, count.request.value_or(unknown), count.verdict.value_or(std::string(withheld_verdict)),
          count.rule.value_or(unknown), ""};
}

void add_to(SummaryCount& sum, const SummaryCount& count) {
  sum.lines += count.lines;
  sum.counted += count.counted;
}

}  // namespace

void LogSummary::add(const LogEntry& entry, const LogFilter& filter) {
  if (!is_in_time(filter, entry)) return;
  // A recorder that was killed over a line leaves it to the next one, which may write it again.
  if (entry.fields == previous_) {
    ++repeated;
    return;
  }
  previous_ = entry.fields;
  first = first.empty() ? entry.time() : std::min(first, entry.time());
  last = std::max(last, entry.time());
  if (const auto* const record = std::get_if<LogRecord>(&entry.what)) {
    if (matches(filter, *record)) add(*record);
  } else {
    add(std::get<LogEvent>(entry.what), filter);
  }
}

void LogSummary::add(const LogRecord& record) {
  if (record.is_late) {
    ++late;
  } else {
    add(key_of(record), {1, 0});
  }
}

void LogSummary::add(const LogEvent& event, const LogFilter& filter) {
  lost += event.lost;
  for (const LogCount& count : event.counts) {
    const Match match = matches(filter, count);
    if (match == Match::yes) add(key_of(count), {0, count.count});
    if (match == Match::unknown) undecided += count.count;
  }
  if (event.starts && matches(filter, *event.starts) == Match::yes) starts.counted += event.starts->count;
  const bool is_start = event.name == "start-failed" || event.name == "configuration-refused";
  if (is_start && !filter.is_about_requests()) ++starts.lines;
}

void LogSummary::add(const SummaryKey& key, const SummaryCount& count) {
  add_to(requests, count);
  add_to(verdicts[key.verdict], count);
  const auto found = groups_.find(key);
  if (found != groups_.end()) {
    add_to(found->second, count);
  } else if (groups_.size() < most_groups) {
    groups_.emplace(key, count);
  } else {
    add_to(others, count);
  }
}

std::vector<SummaryGroup> LogSummary::groups() const {
  std::vector<SummaryGroup> all;
  all.reserve(groups_.size());
  for (const auto& [key, count] : groups_) all.push_back({key, count});
  std::ranges::sort(all, [](const SummaryGroup& one, const SummaryGroup& other) {
    if (one.count.all() != other.count.all()) return one.count.all() > other.count.all();
    return one.key < other.key;
  });
  return all;
}

}  // namespace secshr::admin
