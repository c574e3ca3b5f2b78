#include "secshr/audit/digest.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "protocol/request.h"

namespace secshr {
namespace {

using protocol::request_name;
using protocol::RequestCode;

// What changes nothing that outlasts it.
constexpr std::array<std::string_view, 4> routine{request_name(RequestCode::wake),
                                                  request_name(RequestCode::continue_process),
                                                  request_name(RequestCode::ping), recorded::unchanged_header};

// Counts with their names, in a place of fixed size: nothing here may fail for want of memory.
class Detail {
 public:
  void add(std::string_view word) {
    if (size_ > 0) append(" ");
    append(word);
  }
  void add(std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits{};
    const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), count).ptr;
    add(name);
    add({digits.data(), end});
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  void append(std::string_view text) {
    text = text.substr(0, text_.size() - size_);
    std::ranges::copy(text, text_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
  }

  std::array<char, 512> text_{};
  std::size_t size_ = 0;
};

}  // namespace

Digest::Digest(Audit& log, const DigestLimits& limits, MonotonicTime now)
    : log_(log), limits_(limits), now_(now), minute_ends_(now), summaries_due_(now) {
  static_assert(routine.size() == routine_requests);
  lines_.reserve(uids_with_lines);
  withheld_.reserve(uids_withheld);
}

Ticket Digest::record(const AuditRecord& record) noexcept {
  if (record.outcome.verdict == Verdict::done) {
    const auto* found = std::ranges::find(routine, record.is_unchanged ? recorded::unchanged_header : record.request);
    if (found == routine.end() || limits_.routine_lines) return log_.record(record);
    count_withheld();
    ++served_[static_cast<std::size_t>(found - routine.begin())];
    return 0;
  }
  if (takes_line(record.uid)) return log_.record(record);
  withhold(record);
  return 0;
}

bool Digest::takes_line(Uid uid) noexcept {
  if (now_ >= minute_ends_) begin_minute();
  auto place = std::ranges::lower_bound(lines_, uid, {}, &Lines::uid);
  if (place == lines_.end() || place->uid != uid) {
    if (lines_.size() == uids_with_lines) return false;
    place = lines_.insert(place, {uid, 0});
  }
  if (place->count >= limits_.refusals_per_minute_per_uid) return false;
  if (place->count == 0 && first_lines_ < uids_with_first_line) {
    ++first_lines_;
  } else if (common_lines_ < std::uint64_t{limits_.refusals_per_minute_per_uid} * uids_worth) {
    ++common_lines_;
  } else {
    return false;
  }
  ++place->count;
  return true;
}

void Digest::begin_minute() noexcept {
  minute_ends_ = now_ + minute;
  common_lines_ = 0;
  first_lines_ = 0;
  lines_.clear();
}

void Digest::withhold(const AuditRecord& record) noexcept {
  count_withheld();
  Withheld& withheld = withheld_of(record.uid);
  ++withheld.count;
  ++withheld.by_rule[index_of_rule(record.outcome)];
}

Digest::Withheld& Digest::withheld_of(Uid uid) noexcept {
  const auto place = std::ranges::lower_bound(withheld_, uid, {}, &Withheld::uid);
  if (place != withheld_.end() && place->uid == uid) return *place;
  if (withheld_.size() == uids_withheld) return others_;
  Withheld fresh;
  fresh.uid = uid;
  return *withheld_.insert(place, fresh);
}

// A minute from the first one on, whichever minute the lines are in: what one has withheld takes no lines from
// others.
void Digest::count_withheld() noexcept {
  if (records_withheld_++ == 0) summaries_due_ = now_ + minute;
}

std::size_t Digest::index_of_rule(const Outcome& outcome) noexcept {
  std::string_view name = outcome.rule;
  if (name == rule::none) name = verdict_name(outcome.verdict);
  const auto known = std::span(rules_).first(rules_known_);
  const auto found = std::ranges::find(known, name);
  const auto index = static_cast<std::size_t>(found - known.begin());
  if (index == rules_known_ && index < rules_counted) rules_[rules_known_++] = name;
  return index;
}

void Digest::tick(MonotonicTime now) noexcept {
  // Where the time was set back, the minutes end no later for it.
  if (now < now_) {
    minute_ends_ -= now_ - now;
    summaries_due_ -= now_ - now;
  }
  now_ = now;
  if (records_withheld_ > 0 && now_ >= summaries_due_) flush();
}

std::optional<MonotonicTime> Digest::next_due() const noexcept {
  if (records_withheld_ == 0) return std::nullopt;
  return summaries_due_;
}

void Digest::flush() noexcept {
  write_served();
  for (const Withheld& each : withheld_) write_withheld(each, each.uid ? "" : "no uid:");
  write_withheld(others_, "other uids:");
  served_ = {};
  withheld_.clear();
  others_ = {};
  records_withheld_ = 0;
}

void Digest::write_served() noexcept {
  const auto count = std::accumulate(served_.begin(), served_.end(), std::uint64_t{0});
  if (count == 0) return;
  Detail detail;
  for (std::size_t index = 0; index < served_.size(); ++index) detail.add(routine[index], served_[index]);
  log_.summary({"served", std::nullopt, count, detail.view()});
}

void Digest::write_withheld(const Withheld& withheld, std::string_view about) noexcept {
  if (withheld.count == 0) return;
  std::array<std::size_t, rules_counted> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  // The more the earlier; what came first of equals.
  std::ranges::sort(order, {}, [&](std::size_t index) { return std::pair(~withheld.by_rule[index], index); });
  Detail detail;
  if (!about.empty()) detail.add(about);
  std::uint64_t others = withheld.count;
  for (const std::size_t index : std::span(order).first(rules_named)) {
    detail.add(rules_[index], withheld.by_rule[index]);
    others -= withheld.by_rule[index];
  }
  detail.add("other", others);
  log_.summary({"withheld", withheld.uid, withheld.count, detail.view()});
}

}  // namespace secshr
