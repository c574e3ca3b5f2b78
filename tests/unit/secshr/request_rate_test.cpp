// How often a uid is served: to the token and to the nanosecond, and whatever others do at the same time.
#include "secshr/request_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <vector>

namespace secshr {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds instant = 1ns;

// The same at every run.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(engine_() % limit); }

 private:
  std::mt19937 engine_;
};
constexpr unsigned plenty = 1'000'000;  // more than anybody asks for here

// Of a machine that has been up for a while.
struct Rated : testing::Test {
  MonotonicTime now{1h};

  // How many of `requests` at this instant are served.
  unsigned admitted(RequestRate& rate, uid_t uid, unsigned requests) const {
    unsigned count = 0;
    for (unsigned each = 0; each < requests; ++each) count += rate.admit(uid, now) ? 1U : 0U;
    return count;
  }
  void refuse(RequestRate& rate, uid_t uid, unsigned times) const {
    for (unsigned each = 0; each < times; ++each) rate.refused(uid, now);
  }
  // Refuses until the uid is paused, and how many refusals that took.
  unsigned refusals_until_pause(RequestRate& rate, uid_t uid) const {
    for (unsigned count = 0; count < plenty; ++count) {
      if (!rate.admit(uid, now)) return count;
      rate.refused(uid, now);
    }
    return plenty;
  }
  // From a pause that begins now: exactly so long.
  void expect_paused_for(RequestRate& rate, uid_t uid, std::chrono::nanoseconds pause) {
    EXPECT_FALSE(rate.admit(uid, now)) << "not paused";
    now += pause - instant;
    EXPECT_FALSE(rate.admit(uid, now)) << "paused for less than " << pause.count();
    now += instant;
    EXPECT_TRUE(rate.admit(uid, now)) << "paused for more than " << pause.count();
  }
};

// --- Requests of one uid. ---

TEST_F(Rated, serves_two_seconds_worth_at_once_and_then_the_rate) {
  RequestRate rate({2000, plenty, 100});
  EXPECT_EQ(admitted(rate, 1000, 4001), 4000U);
  now += 500us - instant;
  EXPECT_FALSE(rate.admit(1000, now));
  now += instant;
  EXPECT_EQ(admitted(rate, 1000, 2), 1U);
  now += 1s;
  EXPECT_EQ(admitted(rate, 1000, plenty), 2000U);
  now += 1h;  // it never saves up more
  EXPECT_EQ(admitted(rate, 1000, plenty), 4000U);
}

TEST_F(Rated, the_limits_when_nothing_is_said) {
  RequestRate rate({});
  EXPECT_EQ(admitted(rate, 1000, 5000), 4000U);
  EXPECT_EQ(refusals_until_pause(rate, 1001), 1000U);
}

// A client that asks exactly at the rate is always served, and one that asks a little faster is not.
TEST_F(Rated, never_turns_away_who_keeps_to_the_rate) {
  for (const unsigned per_second : {1U, 3U, 7U, 999U, 2000U}) {
    RequestRate rate({per_second, plenty, 100});
    EXPECT_EQ(admitted(rate, 1000, plenty), 2 * per_second);
    for (unsigned second = 1; second <= 100; ++second) {
      now += 1s;
      ASSERT_EQ(admitted(rate, 1000, per_second), per_second) << per_second << " in second " << second;
    }
    now += 1s;
    EXPECT_LE(admitted(rate, 1000, per_second + 2), per_second + 1);
  }
}

TEST_F(Rated, counts_a_request_as_often_as_it_costs) {
  RequestRate rate({10, plenty, plenty});  // twenty at once
  EXPECT_TRUE(rate.admit(1, now, 17));
  EXPECT_FALSE(rate.admit(1, now, 4));
  EXPECT_TRUE(rate.admit(1, now, 3)) << "what was turned away has cost nothing";
  EXPECT_FALSE(rate.admit(1, now, 1));
  now += 400ms;
  EXPECT_FALSE(rate.admit(1, now, 5));
  EXPECT_TRUE(rate.admit(1, now, 4));
  EXPECT_TRUE(rate.admit(2, now, 0));
  EXPECT_EQ(admitted(rate, 2, 30), 19U);
}

TEST_F(Rated, serves_what_costs_more_than_can_be_saved_up_to_who_has_saved_up_all) {
  RequestRate rate({1, 1, plenty});
  EXPECT_TRUE(rate.admit(1, now, 17));
  now += 2s - instant;
  EXPECT_FALSE(rate.admit(1, now, 17));
  now += instant;
  EXPECT_TRUE(rate.admit(1, now, 17));
}

TEST_F(Rated, counts_for_all_what_each_costs) {
  RequestRate strict({4, 20, plenty});
  EXPECT_EQ(admitted(strict, 1, 6), 6U);
  EXPECT_TRUE(strict.admit(2, now, 8));
  EXPECT_TRUE(strict.admit(3, now, 6));
  EXPECT_FALSE(strict.admit(1, now, 1)) << "all have asked for twenty";
  EXPECT_TRUE(strict.admit(4, now, 1)) << "who has asked for nothing";
}

TEST_F(Rated, limits_of_nothing_count_as_one) {
  RequestRate rate({0, 0, 0});
  EXPECT_EQ(admitted(rate, 1000, 10), 2U);
  now += 1s;
  EXPECT_EQ(admitted(rate, 1000, 10), 1U);
  refuse(rate, 1001, 9);
  EXPECT_TRUE(rate.admit(1001, now));
  refuse(rate, 1001, 1);
  EXPECT_FALSE(rate.admit(1001, now));
}

TEST_F(Rated, the_largest_limits_are_limits) {
  constexpr unsigned largest = ~0U;
  RequestRate rate({largest, largest, largest});
  EXPECT_EQ(admitted(rate, 1000, 100'000), 100'000U);
  refuse(rate, 1000, 100'000);
  EXPECT_TRUE(rate.admit(1000, now));
}

TEST_F(Rated, each_uid_has_a_bucket_of_its_own_and_every_number_is_a_uid) {
  RequestRate rate({2000, plenty, 100});
  for (const uid_t uid : {uid_t{0}, uid_t{1}, uid_t{65534}, ~uid_t{0}, ~uid_t{0} - 1}) {
    EXPECT_EQ(admitted(rate, uid, 5000), 4000U) << uid;
    now += 10s;
    EXPECT_EQ(refusals_until_pause(rate, uid), 1000U) << uid;
    EXPECT_FALSE(rate.admit(uid, now));
  }
}

// --- All uids together. ---

TEST_F(Rated, where_all_ask_too_much_serves_only_who_asked_little) {
  RequestRate rate({10, 20, 100});  // at most 20 at once for one uid, and 20 for all
  EXPECT_EQ(admitted(rate, 1, 11), 11U);
  EXPECT_EQ(admitted(rate, 2, 9), 9U);
  // Now the common bucket is empty. 2 has 11 left: half of its own bucket, and one more.
  EXPECT_FALSE(rate.admit(1, now));
  EXPECT_EQ(admitted(rate, 2, 5), 2U);
  EXPECT_EQ(admitted(rate, 3, 20), 11U);
}

TEST_F(Rated, one_token_is_the_difference_between_room_for_all_and_none) {
  for (const unsigned asked : {19U, 20U}) {
    RequestRate rate({10, 20, 100});
    EXPECT_EQ(admitted(rate, 1, 11), 11U);
    EXPECT_EQ(admitted(rate, 2, asked - 11), asked - 11);
    EXPECT_EQ(rate.admit(1, now), asked == 19);
  }
}

TEST_F(Rated, the_common_bucket_holds_a_second_and_refills_at_its_rate) {
  RequestRate rate({10, 20, 100});
  EXPECT_EQ(admitted(rate, 1, 15), 15U);
  EXPECT_EQ(admitted(rate, 2, 5), 5U);
  now += 50ms - instant;
  EXPECT_FALSE(rate.admit(1, now));
  now += instant;
  EXPECT_EQ(admitted(rate, 1, 2), 1U);
  now += 1h;
  EXPECT_EQ(admitted(rate, 1, 20), 20U);
  now += 500ms;  // 10 for all; 5 for 1
  EXPECT_EQ(admitted(rate, 2, 20), 11U + 4U - 5U + 1U);
}

TEST_F(Rated, what_one_is_turned_away_with_takes_nothing_from_all) {
  RequestRate rate({10, 40, 100});
  EXPECT_EQ(admitted(rate, 1, plenty), 20U);
  EXPECT_EQ(admitted(rate, 2, 15), 15U);
  EXPECT_EQ(admitted(rate, 2, 5), 5U) << "the other's excess has emptied the common bucket";
}

// Who goes on asking while there is no room does not come to be one who asks little.
TEST_F(Rated, counts_what_it_turns_away_for_want_of_common_room) {
  RequestRate rate({10, 20, 100});
  EXPECT_EQ(admitted(rate, 1, 15), 15U);
  EXPECT_EQ(admitted(rate, 2, 5), 5U);
  EXPECT_EQ(admitted(rate, 1, 5), 0U);
  now += 50ms;  // one token for all, half of one for 1, which has none left
  EXPECT_FALSE(rate.admit(1, now));
  EXPECT_EQ(admitted(rate, 2, 1), 1U);
}

TEST_F(Rated, serves_a_uid_that_asks_little_while_many_flood) {
  RequestRate rate({});
  constexpr uid_t light = 1000;
  std::uint64_t served = 0;
  constexpr unsigned floods = 40;
  for (unsigned millisecond = 0; millisecond < 10'000; ++millisecond) {
    now += 1ms;
    for (uid_t uid = 2000; uid < 2000 + floods; ++uid) served += admitted(rate, uid, 10);
    // A hundred in a second, some of them at once.
    if (millisecond % 50 == 0) {
      ASSERT_EQ(admitted(rate, light, 5), 5U) << "after " << millisecond << " ms";
    }
  }
  // Those who flood share what there is: their first half buckets, and the common rate.
  EXPECT_LE(served, floods * 2001U + 20'000U * 11U);
  EXPECT_GE(served, 20'000U * 10U);
}

// --- Refusals. ---

TEST_F(Rated, pauses_a_uid_whose_refusals_empty_its_bucket_and_no_other) {
  RequestRate rate({});
  refuse(rate, 1000, 999);
  EXPECT_TRUE(rate.admit(1000, now));
  refuse(rate, 1000, 1);
  EXPECT_TRUE(rate.admit(1001, now));
  expect_paused_for(rate, 1000, 100ms);
}

TEST_F(Rated, never_pauses_who_is_refused_no_more_often_than_the_rate) {
  RequestRate rate({});
  refuse(rate, 1000, 999);
  for (unsigned each = 0; each < 100 * 3600; ++each) {
    now += 10ms;
    ASSERT_TRUE(rate.admit(1000, now)) << each;
    rate.refused(1000, now);
  }
  refuse(rate, 1000, 1);  // one more is too many
  EXPECT_FALSE(rate.admit(1000, now));
}

TEST_F(Rated, pauses_grow_to_ten_seconds_and_leave_a_tenth_of_the_bucket) {
  RequestRate rate({});
  EXPECT_EQ(refusals_until_pause(rate, 1000), 1000U);
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 10'000ms, 10'000ms, 10'000ms}) {
    expect_paused_for(rate, 1000, pause);
    EXPECT_EQ(refusals_until_pause(rate, 1000), 100U) << "after " << pause.count() << " ms";
  }
}

TEST_F(Rated, pauses_are_forgotten_a_minute_after_the_last_has_ended) {
  for (const bool whole_minute : {false, true}) {
    RequestRate rate({});
    refuse(rate, 1000, 1000);
    expect_paused_for(rate, 1000, 100ms);
    refuse(rate, 1000, 100);
    expect_paused_for(rate, 1000, 200ms);
    now += 60s - (whole_minute ? 0ns : instant);
    EXPECT_EQ(refusals_until_pause(rate, 1000), 1000U);
    expect_paused_for(rate, 1000, whole_minute ? 100ms : 400ms);
    refuse(rate, 1000, 100);
    expect_paused_for(rate, 1000, whole_minute ? 200ms : 800ms);
  }
}

TEST_F(Rated, nothing_lengthens_a_pause) {
  RequestRate rate({});
  refuse(rate, 1000, 1000);
  const auto began = now;
  while (now < began + 100ms - 100us) {
    EXPECT_FALSE(rate.admit(1000, now));
    rate.refused(1000, now);  // one that was admitted before, or a caller's mistake
    now += 100us;
  }
  now = began + 100ms - instant;
  EXPECT_FALSE(rate.admit(1000, now));
  now += instant;
  EXPECT_EQ(refusals_until_pause(rate, 1000), 100U);
  expect_paused_for(rate, 1000, 200ms);
}

TEST_F(Rated, what_it_turns_away_is_no_refusal) {
  RequestRate rate({});
  EXPECT_EQ(admitted(rate, 1000, 100'000), 4000U);
  now += 500us;
  EXPECT_TRUE(rate.admit(1000, now));
  refuse(rate, 1000, 999);
  now += 500us;
  EXPECT_TRUE(rate.admit(1000, now));
}

TEST_F(Rated, a_pause_uses_up_no_requests) {
  RequestRate rate({});
  refuse(rate, 1000, 1000);
  EXPECT_EQ(admitted(rate, 1000, 100'000), 0U);
  now += 100ms;
  EXPECT_EQ(admitted(rate, 1000, 100'000), 4000U);
}

// --- Many uids. ---

constexpr uid_t subordinate = 100'000;
constexpr unsigned subordinates = 65'536;

TEST_F(Rated, serves_a_new_uid_whatever_65536_others_do) {
  RequestRate rate({200, 2000, 10});
  Random random(1);
  // They fill every place: some are paused, some in debt.
  for (uid_t uid = subordinate; uid < subordinate + subordinates; ++uid) {
    (void)admitted(rate, uid, random.below(400));
    refuse(rate, uid, random.below(150));
  }
  for (uid_t uid = 1000; uid < 3000; ++uid) {
    ASSERT_TRUE(rate.admit(uid, now)) << uid;
    rate.refused(uid, now);
  }
}

TEST_F(Rated, serves_those_who_ask_little_while_65536_others_flood) {
  RequestRate rate({});
  Random random(2);
  unsigned turned_away = 0;
  for (unsigned millisecond = 0; millisecond < 3'000; ++millisecond) {
    now += 1ms;
    for (unsigned each = 0; each < 1000; ++each) {
      // Some of them more than others, so that there are long debts and pauses as well as new uids.
      const uid_t uid = subordinate + (each % 2 == 0 ? random.below(512) : random.below(subordinates));
      if (rate.admit(uid, now)) {
        rate.refused(uid, now);
      } else {
        ++turned_away;
      }
    }
    const uid_t light = 1000 + millisecond % 100;
    ASSERT_TRUE(rate.admit(light, now)) << light << " after " << millisecond << " ms";
    rate.refused(light, now);
  }
  EXPECT_GT(turned_away, 100'000U) << "nobody flooded";
}

TEST_F(Rated, nobody_can_take_the_place_of_a_paused_uid_or_of_one_in_deep_debt) {
  RequestRate rate({200, plenty, 10});
  constexpr uid_t paused = 1000;
  constexpr uid_t indebted = 1001;
  refuse(rate, paused, 100);
  EXPECT_EQ(admitted(rate, indebted, 500), 400U);
  for (uid_t uid = subordinate; uid < subordinate + subordinates; ++uid) {
    (void)admitted(rate, uid, 1);
    refuse(rate, uid, 1);
  }
  EXPECT_FALSE(rate.admit(indebted, now));
  expect_paused_for(rate, paused, 100ms);
  // Nor are its pauses forgotten, where nobody is worse.
  for (uid_t uid = subordinate; uid < subordinate + subordinates; ++uid) (void)admitted(rate, uid, 2);
  refuse(rate, paused, 10);
  for (uid_t uid = subordinate; uid < subordinate + subordinates; ++uid) refuse(rate, uid, 200);
  expect_paused_for(rate, paused, 200ms);
}

// Half of the places stay for others, and who finds no place for a pause is still held to the rate of refusals.
// Uids that fill every place: those that differ in their six highest bits alone go one into each set.
std::vector<uid_t> uids_for_every_place(unsigned round = 0) {
  std::vector<uid_t> uids;
  for (unsigned place = 0; place < RequestRate::uids_per_set; ++place) {
    for (unsigned set = 0; set < RequestRate::sets; ++set) {
      uids.push_back((set << 26) + subordinate + round * 16 + place);
    }
  }
  return uids;
}

// Half of the places stay for others, and who finds no place for a pause is still held to the rate of refusals.
TEST_F(Rated, pauses_no_more_uids_than_leave_room_and_holds_the_others_to_the_rate) {
  RequestRate rate({2000, plenty, 100});
  const auto uids = uids_for_every_place();
  for (const uid_t uid : uids) refuse(rate, uid, 1000);
  const auto served = [&] {
    return static_cast<std::size_t>(std::ranges::count_if(uids, [&](uid_t uid) { return rate.admit(uid, now); }));
  };
  EXPECT_EQ(served(), 0U);
  now += 10ms - instant;
  EXPECT_EQ(served(), 0U);
  now += instant;
  EXPECT_EQ(served(), uids.size() / 2);
  for (const uid_t uid : uids) refuse(rate, uid, 1);
  EXPECT_EQ(served(), 0U);
  now += 90ms - instant;
  EXPECT_EQ(served(), uids.size() / 2);
  now += instant;
  EXPECT_EQ(served(), uids.size());
}

// Not even where the others of its set owe more, nor is the pause forgotten as long as there are others to forget.
TEST_F(Rated, a_new_uid_never_takes_the_place_of_a_paused_one) {
  RequestRate rate({2000, plenty, 100});
  const auto uids = uids_for_every_place();
  for (const uid_t uid : uids) refuse(rate, uid, 1000);
  const auto paused = std::span(uids).first(uids.size() / 2);  // the first that came
  const auto new_uids_come = [&](unsigned round) {
    const auto fresh = uids_for_every_place(round);
    for (const uid_t uid : std::span(fresh).first(fresh.size() / 2)) ASSERT_TRUE(rate.admit(uid, now)) << uid;
  };
  new_uids_come(1);
  now += 100ms - instant;
  for (const uid_t uid : paused) ASSERT_FALSE(rate.admit(uid, now)) << uid;
  now += 50s;
  new_uids_come(2);
  for (const uid_t uid : paused) refuse(rate, uid, 1000);
  now += 200ms - instant;
  for (const uid_t uid : paused) ASSERT_FALSE(rate.admit(uid, now)) << uid;
  now += instant;
  for (const uid_t uid : paused) ASSERT_TRUE(rate.admit(uid, now)) << uid;
}

TEST_F(Rated, keeps_every_uid_that_there_is_a_place_for_and_reuses_places_when_buckets_are_full) {
  RequestRate rate({2000, 100 * plenty, 100});
  for (unsigned round = 0; round < 5; ++round) {
    const auto uids = uids_for_every_place(round);
    for (const uid_t uid : uids) ASSERT_EQ(admitted(rate, uid, 4001), 4000U);
    for (const uid_t uid : uids) ASSERT_FALSE(rate.admit(uid, now)) << "forgotten in round " << round;
    now += 2s - instant;
    for (const uid_t uid : uids) ASSERT_EQ(admitted(rate, uid, 4001), 3999U) << "in round " << round;
    now += 2s;
  }
}

TEST_F(Rated, a_new_uid_takes_the_place_of_the_one_that_owes_the_least) {
  RequestRate rate({2000, 100 * plenty, 100});
  const auto uids = uids_for_every_place();
  // Of each set the sixth, which is neither the first nor the last to come or to be found.
  const auto owes_least = [](std::size_t index) { return index / RequestRate::sets == 5; };
  for (std::size_t index = 0; index < uids.size(); ++index) {
    const unsigned requests = owes_least(index) ? 3999 : 4000;
    EXPECT_EQ(admitted(rate, uids[index], requests), requests);
  }
  for (std::size_t index = 0; index < RequestRate::sets; ++index) {
    EXPECT_TRUE(rate.admit(uids_for_every_place(1)[index], now));
  }
  for (std::size_t index = 0; index < uids.size(); ++index) {
    if (!owes_least(index)) {
      EXPECT_FALSE(rate.admit(uids[index], now)) << index;
    }
  }
}

// --- Against the plain arithmetic, for uids that fit into the table. ---

class Model {
 public:
  explicit Model(const RequestLimits& limits) : limits_(limits), common_(limits.per_second) {}
  bool admit(uid_t uid, MonotonicTime now) {
    User& user = at(uid, now);
    if (now < user.paused_until || user.refusals < 1) return false;
    const bool little = user.requests >= limits_.per_second_per_uid;  // half of two seconds' worth
    if (user.requests < 1) return false;
    user.requests -= 1;
    if (common_ >= 1) {
      common_ -= 1;
      return true;
    }
    return little;
  }
  void refused(uid_t uid, MonotonicTime now) {
    User& user = at(uid, now);
    if (now < user.paused_until) return;
    if (user.refusals >= 1) user.refusals -= 1;
    if (user.refusals >= 1) return;
    const bool again = user.pause > 0ns && now - user.paused_until < 60s;
    user.pause = again ? std::min<std::chrono::nanoseconds>(user.pause * 2, 10s) : 100ms;
    user.paused_until = now + user.pause;
    user.refusals = limits_.refusals_per_second_per_uid;
    user.refilled = user.paused_until;  // no refusal comes back during the pause
    ++pauses;
  }
  unsigned pauses = 0;

 private:
  struct User {
    long double requests;
    long double refusals;
    MonotonicTime last;
    MonotonicTime refilled;
    MonotonicTime paused_until;
    std::chrono::nanoseconds pause{0};
  };
  static long double seconds(std::chrono::nanoseconds time) { return static_cast<long double>(time.count()) / 1e9L; }
  static void refill(long double& tokens, long double per_second, long double depth, std::chrono::nanoseconds time) {
    tokens = std::min(depth, tokens + per_second * seconds(time));
    // Whole tokens come at whole nanoseconds here: what is a hair below is a matter of rounding.
    const long double whole = std::roundl(tokens);
    if (whole > tokens && whole - tokens < 1e-9L) tokens = whole;
  }
  User& at(uid_t uid, MonotonicTime now) {
    refill(common_, limits_.per_second, limits_.per_second, now - common_last_);
    common_last_ = now;
    const auto [found, fresh] =
        users_.try_emplace(uid, User{2.0L * limits_.per_second_per_uid, 10.0L * limits_.refusals_per_second_per_uid,
                                     now, now, MonotonicTime(), 0ns});
    User& user = found->second;
    refill(user.requests, limits_.per_second_per_uid, 2.0L * limits_.per_second_per_uid, now - user.last);
    user.last = now;
    if (now > user.refilled) {
      refill(user.refusals, limits_.refusals_per_second_per_uid, 10.0L * limits_.refusals_per_second_per_uid,
             now - user.refilled);
      user.refilled = now;
    }
    return user;
  }

  RequestLimits limits_;
  long double common_;
  MonotonicTime common_last_;
  std::map<uid_t, User> users_;
};

TEST_F(Rated, does_what_the_arithmetic_says_over_random_hours) {
  unsigned pauses = 0;
  unsigned turned_away = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    Random random(seed);
    // Rates whose tokens take a whole number of nanoseconds.
    const auto pick = [&](std::initializer_list<unsigned> values) {
      return *(values.begin() + random.below(static_cast<unsigned>(values.size())));
    };
    const RequestLimits limits{pick({1, 4, 20, 100}), pick({10, 50, 400}), pick({1, 2, 5, 10})};
    RequestRate rate(limits);
    Model model(limits);
    for (unsigned step = 0; step < 30'000; ++step) {
      const uid_t uid = random.below(6);
      switch (random.below(100)) {
        case 0:
          now += std::chrono::milliseconds(random.below(70'000));
          break;
        case 1:
        case 2:
        case 3:
        case 4:
          now += std::chrono::milliseconds(random.below(1'000));
          break;
        default:
          now += std::chrono::microseconds(random.below(2) == 0 ? 0 : random.below(5'000));
      }
      const bool served = rate.admit(uid, now);
      ASSERT_EQ(served, model.admit(uid, now)) << "seed " << seed << " step " << step << " uid " << uid;
      if (served && random.below(uid + 1) == 0) {
        rate.refused(uid, now);
        model.refused(uid, now);
      }
      turned_away += served ? 0U : 1U;
    }
    pauses += model.pauses;
  }
  EXPECT_GT(pauses, 500U) << "the test shows nothing";
  EXPECT_GT(turned_away, 50'000U) << "the test shows nothing";
}

// --- A time that is not what it should be. ---

TEST_F(Rated, a_time_that_is_a_little_early_gains_nothing) {
  RequestRate rate({});
  EXPECT_EQ(admitted(rate, 1000, 5000), 4000U);
  refuse(rate, 1001, 1000);
  // Of requests that were received earlier, between those of now.
  for (unsigned each = 0; each < 10'000; ++each) {
    rate.refused(1002, now - 4s);
    ASSERT_FALSE(rate.admit(1000, now));
    ASSERT_FALSE(rate.admit(1001, now - 10s));
  }
  now += 500us;
  EXPECT_TRUE(rate.admit(1000, now));
  now += 100ms - 500us - instant;
  EXPECT_FALSE(rate.admit(1001, now));
  now += instant;
  EXPECT_TRUE(rate.admit(1001, now));
}

TEST_F(Rated, a_time_that_was_set_back_stops_nothing) {
  RequestRate rate({});
  EXPECT_EQ(admitted(rate, 1000, 5000), 4000U);
  refuse(rate, 1001, 1000);
  now -= 30min;
  EXPECT_FALSE(rate.admit(1000, now));
  now += 500us;
  EXPECT_TRUE(rate.admit(1000, now));
  now += 100ms - 500us - instant;
  EXPECT_FALSE(rate.admit(1001, now));
  now += instant;
  EXPECT_TRUE(rate.admit(1001, now));
}

TEST_F(Rated, no_time_breaks_it) {
  RequestRate rate({});
  std::mt19937_64 random(3);
  for (const auto time : {MonotonicTime::max(), MonotonicTime::min(), MonotonicTime(), MonotonicTime::max(),
                          MonotonicTime(-1ns), MonotonicTime::min()}) {
    (void)rate.admit(1000, time);
    rate.refused(1000, time);
  }
  for (unsigned each = 0; each < 200'000; ++each) {
    const MonotonicTime time{std::chrono::nanoseconds(static_cast<std::int64_t>(random()))};
    const uid_t uid = static_cast<uid_t>(random() % 2000);
    if (rate.admit(uid, time)) refuse(rate, uid, static_cast<unsigned>(random() % 4));
  }
  // And it still is what it was.
  EXPECT_EQ(admitted(rate, 5000, 5000), 4000U);
  now += 1h;
  EXPECT_EQ(refusals_until_pause(rate, 5000), 1000U);
  expect_paused_for(rate, 5000, 100ms);
}

TEST_F(Rated, works_from_the_first_nanosecond_of_the_clock) {
  RequestRate rate({});
  now = MonotonicTime();
  EXPECT_EQ(admitted(rate, 1000, 5000), 4000U);
  EXPECT_EQ(refusals_until_pause(rate, 1001), 1000U);
  expect_paused_for(rate, 1001, 100ms);
}

}  // namespace
}  // namespace secshr
