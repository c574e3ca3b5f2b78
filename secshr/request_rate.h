// How often each uid is served, so that one who floods costs the others little, and one who is refused again and
// again is left alone for a while.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "secshr/kernel.h"

namespace secshr {

// 0 counts as 1.
struct RequestLimits {
  unsigned per_second_per_uid = 2000;
  unsigned per_second = 20000;
  unsigned refusals_per_second_per_uid = 100;
};

class RequestRate {
 public:
  // What a uid may have saved up, in seconds of its rate. Stock clients try again, and many processes share one uid:
  // what they are refused must never come near the last of these.
  static constexpr unsigned seconds_per_uid = 2;
  static constexpr unsigned seconds = 1;
  static constexpr unsigned seconds_of_refusals = 10;

  // The first pause; each further one is twice as long, until there was none for so long.
  static constexpr std::chrono::milliseconds first_pause{100};
  static constexpr std::chrono::milliseconds longest_pause{10'000};
  static constexpr std::chrono::seconds pauses_forgotten_after{60};

  // A uid has its place in one of many small sets. Where that is full, it takes the place of the one whose record
  // will be worth nothing the soonest, which is never a paused one: at most half of a set is paused, and who finds no
  // room for a pause is held to the rate of refusals. So a new uid is never judged by what others did: a user with
  // 65536 subordinate uids can fill every set, and could empty any bucket that uids share.
  static constexpr std::size_t sets = 64;
  static constexpr std::size_t uids_per_set = 16;
  static constexpr std::size_t paused_per_set = uids_per_set / 2;

  explicit RequestRate(const RequestLimits& limits) noexcept;

  // Whether this uid may be served now; counts the request, as so many of its kind as it costs (0 counts as 1), but
  // never as more than can be saved up. Where all together ask too much, only who has asked
  // little lately is served: whose own bucket is at least half full.
  [[nodiscard]] bool admit(uid_t uid, MonotonicTime now, unsigned cost = 1) noexcept;
  // That an admitted request was refused, by a rule or for its form. Too many, and the uid is paused: not admitted.
  // What admit() turned away is no refusal.
  void refused(uid_t uid, MonotonicTime now) noexcept;

 private:
  using Time = std::chrono::nanoseconds;  // on clock_

  struct Rate {
    Rate(unsigned per_second, unsigned depth_in_seconds) noexcept;
    Time interval;  // in which one token comes
    Time depth;     // in which an empty bucket gets full
  };

  // A token bucket as the one number that tells all of it.
  struct Bucket {
    [[nodiscard]] bool has_tokens(const Rate& rate, Time now, unsigned count) const noexcept;
    [[nodiscard]] bool has_token(const Rate& rate, Time now) const noexcept { return has_tokens(rate, now, 1); }
    [[nodiscard]] bool is_half_full(const Rate& rate, Time now) const noexcept;
    [[nodiscard]] bool take(const Rate& rate, Time now, unsigned count = 1) noexcept;
    Time full_at{0};
  };

  struct Entry {
    std::optional<uid_t> uid;
    Bucket requests;
    Bucket refusals;
    Time last_pause{0};  // how long it was; 0: there was none
    Time pause_ends{0};
  };
  using Set = std::array<Entry, uids_per_set>;

  void advance(MonotonicTime now) noexcept;
  [[nodiscard]] Set& set_of(uid_t uid) noexcept;
  [[nodiscard]] Entry& entry_of(uid_t uid) noexcept;
  [[nodiscard]] bool is_paused(const Entry& entry) const noexcept { return clock_ < entry.pause_ends; }
  // When nothing will be lost with it.
  [[nodiscard]] static Time worthless_at(const Entry& entry) noexcept;
  void pause(Entry& entry) noexcept;

  Rate uid_rate_;
  Rate common_rate_;
  Rate refusal_rate_;
  MonotonicTime last_now_;
  Time clock_{0};
  Bucket common_;
  std::array<Set, sets> table_;
};

}  // namespace secshr
