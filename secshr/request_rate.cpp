#include "secshr/request_rate.h"

#include <algorithm>
#include <cstdint>

namespace secshr {
namespace {

// Who asks with a time that is earlier than the last by less than this took it earlier. By more: the time was set
// back.
constexpr std::chrono::seconds disorder{10};
// Nothing is remembered for longer.
constexpr std::chrono::minutes longest_step{5};
static_assert(longest_step > RequestRate::pauses_forgotten_after + RequestRate::longest_pause);

}  // namespace

// Exactly as many tokens as the rate says, where they divide the second unevenly too.
RequestRate::Rate::Rate(unsigned per_second, unsigned depth_in_seconds) noexcept
    : interval(std::max<std::int64_t>(1, Time(std::chrono::seconds(1)).count() / std::max(1U, per_second))),
      depth(interval * std::max(1U, per_second) * depth_in_seconds) {}

bool RequestRate::Bucket::has_tokens(const Rate& rate, Time now, unsigned count) const noexcept {
  return full_at - now <= rate.depth - std::min<Time>(rate.interval * count, rate.depth);
}

bool RequestRate::Bucket::is_half_full(const Rate& rate, Time now) const noexcept {
  return full_at - now <= rate.depth / 2;
}

bool RequestRate::Bucket::take(const Rate& rate, Time now, unsigned count) noexcept {
  if (!has_tokens(rate, now, count)) return false;
  full_at = std::max(full_at, now) + std::min<Time>(rate.interval * count, rate.depth);
  return true;
}

RequestRate::RequestRate(const RequestLimits& limits) noexcept
    : uid_rate_(limits.per_second_per_uid, seconds_per_uid),
      common_rate_(limits.per_second, seconds),
      refusal_rate_(limits.refusals_per_second_per_uid, seconds_of_refusals) {}

bool RequestRate::admit(uid_t uid, MonotonicTime now, unsigned cost) noexcept {
  advance(now);
  cost = std::max(1U, cost);
  Entry& entry = entry_of(uid);
  if (is_paused(entry)) return false;
  // Empty and not paused where its set has no room for a pause.
  if (!entry.refusals.has_token(refusal_rate_, clock_)) return false;
  const bool asks_little = entry.requests.is_half_full(uid_rate_, clock_);
  // Before the common bucket, which others' excess must not empty; and lost where that one is empty: who goes on
  // asking then is not one who asks little.
  if (!entry.requests.take(uid_rate_, clock_, cost)) return false;
  return common_.take(common_rate_, clock_, cost) || asks_little;
}

void RequestRate::refused(uid_t uid, MonotonicTime now) noexcept {
  advance(now);
  Entry& entry = entry_of(uid);
  if (is_paused(entry)) return;  // admitted before
  (void)entry.refusals.take(refusal_rate_, clock_);
  if (entry.refusals.has_token(refusal_rate_, clock_)) return;
  const auto paused = std::ranges::count_if(set_of(uid), [&](const Entry& each) { return is_paused(each); });
  if (static_cast<std::size_t>(paused) < paused_per_set) pause(entry);
}

void RequestRate::pause(Entry& entry) noexcept {
  const bool again = entry.last_pause > Time(0) && clock_ - entry.pause_ends < pauses_forgotten_after;
  entry.last_pause = again ? std::min<Time>(entry.last_pause * 2, longest_pause) : Time(first_pause);
  entry.pause_ends = clock_ + entry.last_pause;
  entry.refusals.full_at = entry.pause_ends + refusal_rate_.depth / 10 * 9;  // a tenth when it ends
}

// Our own clock, which never goes back. It stands still where `now` is a little earlier than it was, and goes on from
// there where it is much earlier.
void RequestRate::advance(MonotonicTime now) noexcept {
  now = std::max(now, MonotonicTime());
  if (now >= last_now_) {
    clock_ += std::min<Time>(now - last_now_, longest_step);
  } else if (last_now_ - now <= disorder) {
    return;
  }
  last_now_ = now;
}

// Multiplied by the golden ratio, so that neighbours are far from each other.
RequestRate::Set& RequestRate::set_of(uid_t uid) noexcept {
  static_assert(sets == std::size_t{1} << 6);
  return table_[(std::uint32_t{uid} * 0x9e3779b1U) >> (32 - 6)];
}

RequestRate::Entry& RequestRate::entry_of(uid_t uid) noexcept {
  Set& set = set_of(uid);
  if (auto* found = std::ranges::find(set, uid, &Entry::uid); found != set.end()) return *found;
  Entry& place = *std::ranges::min_element(set, {}, &RequestRate::worthless_at);
  place = Entry();
  place.uid = uid;
  return place;
}

// The latest are those that are paused, by the assertion: nobody loses a pause to a new uid as long as there is one
// in the set that is not paused, and there always is.
RequestRate::Time RequestRate::worthless_at(const Entry& entry) noexcept {
  static_assert(pauses_forgotten_after > std::chrono::seconds(std::max(seconds_per_uid, seconds_of_refusals)));
  static_assert(paused_per_set < uids_per_set);
  const Time full_at = std::max(entry.requests.full_at, entry.refusals.full_at);
  return entry.last_pause > Time(0) ? std::max(full_at, entry.pause_ends + pauses_forgotten_after) : full_at;
}

}  // namespace secshr
