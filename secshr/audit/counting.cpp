#include "secshr/audit/counting.h"

#include <algorithm>
#include <string_view>

namespace secshr {
namespace {

RequestCounts& counts_of(Counters& counters, std::string_view request) noexcept {
  // Both directions of a flush are one kind of request.
  if (request == recorded::flush_open || request == recorded::flush_close) request = "flush-header";
  const auto* const kind = std::ranges::find(counted_requests, request);
  return kind == counted_requests.end()
             ? counters.requests.back()
             : counters.requests[static_cast<std::size_t>(kind - counted_requests.begin())];
}

std::uint64_t& refusals_by(Counters& counters, std::string_view rule) noexcept {
  const auto* const place = std::ranges::find(counted_rules, rule);
  return place == counted_rules.end()
             ? counters.refused_otherwise
             : counters.refused_by_rule[static_cast<std::size_t>(place - counted_rules.begin())];
}

}  // namespace

void count(Counters& counters, const AuditRecord& record) noexcept {
  if (record.late) return;  // counted as what its client was told
  const Verdict verdict = record.outcome.verdict;
  if (record.request == recorded::leftover) {
    if (verdict == Verdict::done) ++counters.leftovers_removed;
    return;
  }
  ++counters.datagrams;
  switch (verdict) {
    case Verdict::done:
      ++counts_of(counters, record.request).done;
      return;
    case Verdict::refused:
      ++counts_of(counters, record.request).refused;
      ++refusals_by(counters, record.outcome.rule);
      return;
    case Verdict::failed:
      ++counts_of(counters, record.request).failed;
      return;
    case Verdict::dropped:
      ++counters.dropped;
      return;
  }
}

void count_parked(Counters& counters, std::size_t parked) noexcept {
  counters.parked = parked;
  counters.parked_most = std::max(counters.parked_most, counters.parked);
}

}  // namespace secshr
