// The digest of the log: which records are lines, and that every other one is in a count.
#include "secshr/audit/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
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

struct Summary {
  std::string name;
  std::optional<uid_t> uid;
  std::uint64_t count = 0;
  std::string detail;
  bool operator==(const Summary&) const = default;
};
void PrintTo(const Summary& summary, std::ostream* out) {
  *out << summary.name << " uid " << (summary.uid ? std::to_string(*summary.uid) : "-") << " count " << summary.count
       << ": " << summary.detail;
}

// Keeps what it is told.
class Journal final : public Audit {
 public:
  struct Line {
    std::optional<uid_t> uid;
    std::string request;
    Verdict verdict;
  };
  Ticket record(const AuditRecord& record) noexcept override {
    lines.push_back({record.uid, std::string(record.request), record.outcome.verdict});
    return 1000 + lines.size();
  }
  void event(std::string_view name, std::string_view detail) noexcept override {
    events.push_back(std::string(name) + ": " + std::string(detail));
  }
  void summary(const AuditSummary& summary) noexcept override {
    summaries.push_back({std::string(summary.name), summary.uid, summary.count, std::string(summary.detail)});
  }
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return ticket == 7; }

  [[nodiscard]] std::vector<Summary> take_summaries() { return std::exchange(summaries, {}); }

  std::vector<Line> lines;
  std::vector<Summary> summaries;
  std::vector<std::string> events;
};

constexpr Outcome done{Verdict::done, rule::none, 0};
constexpr Outcome denied{Verdict::refused, rule::semaphore_alter, EPERM};
constexpr Outcome too_often{Verdict::refused, rule::rate_uid, EBUSY};
constexpr Outcome malformed{Verdict::refused, rule::none, EINVAL};
constexpr Outcome failed{Verdict::failed, rule::none, EIO};
constexpr Outcome dropped{Verdict::dropped, rule::peer_namespace, EPERM};

struct Digested : testing::Test {
  MonotonicTime now{1h};
  Journal log;
  Digest digest{log, {}, now};

  Ticket tell(std::optional<uid_t> uid, const Outcome& outcome, std::string_view request = "remove-semaphore-set") {
    AuditRecord record;
    record.uid = uid;
    record.request = request;
    record.outcome = outcome;
    return digest.record(record);
  }
  // How many of those became lines.
  std::size_t lines_of(unsigned times, std::optional<uid_t> uid, const Outcome& outcome = denied) {
    const std::size_t before = log.lines.size();
    for (unsigned each = 0; each < times; ++each) tell(uid, outcome);
    return log.lines.size() - before;
  }
  // All of them, and eleven first ones.
  void use_up_common_lines() {
    for (uid_t uid = 0; uid < 10; ++uid) EXPECT_EQ(lines_of(60, uid), 60U);
    EXPECT_EQ(lines_of(11, 10), 11U);
  }
  // And all first ones.
  void use_up_all_lines() {
    use_up_common_lines();
    for (uid_t uid = 11; uid < Digest::uids_with_first_line; ++uid) EXPECT_EQ(lines_of(1, uid), 1U);
  }
  void wait(std::chrono::nanoseconds time) {
    now += time;
    digest.tick(now);
  }
};

// --- What was done. ---

TEST_F(Digested, whatever_changed_something_is_a_line_and_brings_its_ticket) {
  EXPECT_EQ(lines_of(5000, 1000), 60U);
  const std::size_t before = log.lines.size();
  for (const std::string_view request :
       {"remove-semaphore-set", "remove-segment", "remove-file", "flush-header-open", "flush-header-close",
        "remove-leftover", "unknown", "-", "", "pin", "pings", "wake ", "WAKE"}) {
    for (unsigned each = 0; each < 500; ++each) {
      const Ticket ticket = tell(1000, done, request);
      ASSERT_EQ(ticket, 1000 + log.lines.size()) << request;
      ASSERT_EQ(log.lines.back().request, request);
    }
  }
  EXPECT_EQ(log.lines.size() - before, 13U * 500U);
}

TEST_F(Digested, routine_is_counted_and_said_after_a_minute) {
  EXPECT_FALSE(digest.next_due());
  EXPECT_EQ(tell(1000, done, "wake"), 0U);
  for (unsigned each = 0; each < 3; ++each) tell(1001, done, "continue");
  wait(10s);
  for (unsigned each = 0; each < 100; ++each) tell(std::nullopt, done, "ping");
  EXPECT_EQ(digest.next_due(), now + 50s);
  wait(50s - instant);
  EXPECT_TRUE(log.summaries.empty());
  wait(instant);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"served", std::nullopt, 104, "wake 1 continue 3 ping 100"})});
  EXPECT_FALSE(digest.next_due());
  wait(10min);
  EXPECT_TRUE(log.summaries.empty());
  // The next minute knows nothing of the one before.
  tell(1000, done, "ping");
  EXPECT_EQ(digest.next_due(), now + 1min);
  wait(1min);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"served", std::nullopt, 1, "ping 1"})});
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(Digested, routine_is_lines_where_that_is_wanted) {
  Digest wordy(log, {true, 60}, now);
  AuditRecord record;
  record.outcome = done;
  for (const std::string_view request : {"wake", "continue", "ping"}) {
    record.request = request;
    const Ticket ticket = wordy.record(record);
    EXPECT_EQ(ticket, 1000 + log.lines.size());
    EXPECT_EQ(log.lines.back().request, request);
  }
  EXPECT_EQ(log.lines.size(), 3U);
  EXPECT_FALSE(wordy.next_due());
}

TEST_F(Digested, routine_that_was_not_done_is_no_routine) {
  tell(1000, {Verdict::refused, rule::wake_caught, EPERM}, "wake");
  tell(1000, failed, "continue");
  tell(1000, malformed, "ping");
  EXPECT_EQ(log.lines.size(), 3U);
  EXPECT_FALSE(digest.next_due());
}

// --- What was not done. ---

TEST_F(Digested, a_uid_has_its_lines_and_the_rest_is_counted) {
  EXPECT_EQ(lines_of(60, 1000), 60U);
  EXPECT_FALSE(digest.next_due());
  EXPECT_EQ(tell(1000, denied), 0U);
  EXPECT_EQ(log.lines.size(), 60U);
  EXPECT_EQ(digest.next_due(), now + 1min);
  EXPECT_EQ(lines_of(61, 1001), 60U);
  EXPECT_EQ(lines_of(61, 0), 60U);
  wait(1min - instant);
  EXPECT_TRUE(log.summaries.empty());
  wait(instant);
  EXPECT_EQ(log.take_summaries(),
            (std::vector{Summary{"withheld", 0, 1, "sem.alter 1"}, Summary{"withheld", 1000, 1, "sem.alter 1"},
                         Summary{"withheld", 1001, 1, "sem.alter 1"}}));
  EXPECT_EQ(lines_of(61, 1000), 60U) << "a new minute has begun";
}

TEST_F(Digested, every_verdict_but_done_counts_against_the_same_lines) {
  EXPECT_EQ(lines_of(20, 1000, denied), 20U);
  EXPECT_EQ(lines_of(20, 1000, failed), 20U);
  EXPECT_EQ(lines_of(20, 1000, dropped), 20U);
  EXPECT_EQ(lines_of(1, 1000, denied), 0U);
  EXPECT_EQ(lines_of(2, 1000, failed), 0U);
  EXPECT_EQ(lines_of(3, 1000, dropped), 0U);
  EXPECT_EQ(lines_of(4, 1000, malformed), 0U);
  wait(1min);
  EXPECT_EQ(log.take_summaries(),
            std::vector{(Summary{"withheld", 1000, 10, "refused 4 peer.namespace 3 failed 2 sem.alter 1"})});
}

TEST_F(Digested, records_without_a_uid_are_those_of_one_more) {
  EXPECT_EQ(lines_of(62, std::nullopt, dropped), 60U);
  EXPECT_EQ(lines_of(60, 0), 60U);
  wait(1min);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"withheld", std::nullopt, 2, "no uid: peer.namespace 2"})});
}

TEST_F(Digested, all_uids_together_have_ten_times_the_lines_of_one_besides_their_first) {
  // Of each the first is its own, and 59 are of the 600 in common.
  for (uid_t uid = 0; uid < 10; ++uid) EXPECT_EQ(lines_of(60, uid), 60U);
  EXPECT_EQ(lines_of(11, 10), 11U);
  EXPECT_FALSE(digest.next_due());
  EXPECT_EQ(lines_of(1, 10), 0U);
  EXPECT_EQ(lines_of(2, 11), 1U);
  wait(1min);
  EXPECT_EQ(log.take_summaries(),
            (std::vector{Summary{"withheld", 10, 1, "sem.alter 1"}, Summary{"withheld", 11, 1, "sem.alter 1"}}));
  EXPECT_EQ(lines_of(2, 11), 2U);
}

TEST_F(Digested, whatever_others_take_so_many_uids_have_a_first_line_each_minute) {
  for (unsigned round = 0; round < 3; ++round) {
    use_up_common_lines();
    for (uid_t uid = 11; uid < Digest::uids_with_first_line; ++uid) ASSERT_EQ(lines_of(2, uid), 1U) << uid;
    EXPECT_EQ(lines_of(1, 1000), 0U);
    EXPECT_EQ(lines_of(1, std::nullopt), 0U);
    wait(1min);
  }
}

TEST_F(Digested, a_first_line_beyond_those_is_one_of_the_common_ones) {
  for (uid_t uid = 0; uid < Digest::uids_with_first_line + 600U; ++uid) ASSERT_EQ(lines_of(1, uid), 1U) << uid;
  EXPECT_EQ(lines_of(1, 1000), 0U);
  EXPECT_EQ(lines_of(1, 5), 0U);
}

TEST_F(Digested, a_limit_of_nothing_leaves_counts_alone) {
  Digest silent(log, {false, 0}, now);
  AuditRecord record;
  record.uid = 1000;
  record.outcome = denied;
  for (unsigned each = 0; each < 5; ++each) silent.record(record);
  EXPECT_TRUE(log.lines.empty());
  silent.tick(now + 1min);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"withheld", 1000, 5, "sem.alter 5"})});
}

TEST_F(Digested, the_largest_limits_withhold_nothing) {
  for (const unsigned limit : {~0U, ~0U / 10 + 1}) {
    Digest wordy(log, {false, limit}, now);
    AuditRecord record;
    record.uid = 1000;
    record.outcome = denied;
    for (unsigned each = 0; each < 10'000; ++each) ASSERT_NE(wordy.record(record), 0U) << each;
  }
}

// --- Minutes. ---

TEST_F(Digested, a_minute_without_a_summary_ends_by_itself) {
  EXPECT_EQ(lines_of(60, 1000), 60U);
  wait(1min - instant);
  EXPECT_EQ(lines_of(1, 1000), 0U) << "still the same minute";
  wait(1min);
  EXPECT_EQ(log.take_summaries().size(), 1U);
  EXPECT_EQ(lines_of(60, 1000), 60U);
  wait(1min);
  EXPECT_TRUE(log.summaries.empty());
  EXPECT_EQ(lines_of(60, 1000), 60U) << "a new one";
  EXPECT_FALSE(digest.next_due());
}

TEST_F(Digested, few_refusals_an_hour_are_all_lines_and_none_wakes_the_broker) {
  for (unsigned each = 0; each < 10'000; ++each) {
    ASSERT_EQ(lines_of(1, 1000), 1U) << each;
    ASSERT_FALSE(digest.next_due());
    wait(1s + 17ms);
  }
  EXPECT_TRUE(log.summaries.empty());
}

TEST_F(Digested, a_summary_comes_a_minute_after_the_first_that_is_withheld_and_takes_no_lines_from_the_next_minute) {
  EXPECT_EQ(lines_of(60, 1000), 60U);
  wait(50s);
  EXPECT_EQ(lines_of(1, 1000), 0U);
  EXPECT_EQ(digest.next_due(), now + 1min);
  wait(10s);
  EXPECT_EQ(lines_of(61, 1000), 60U) << "a minute after the first line";
  wait(50s - instant);
  EXPECT_TRUE(log.summaries.empty());
  wait(instant);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"withheld", 1000, 2, "sem.alter 2"})});
  EXPECT_EQ(lines_of(1, 1000), 0U) << "nor does it give any";
  wait(10s);
  EXPECT_EQ(lines_of(1, 1000), 1U);
}

TEST_F(Digested, routine_that_is_withheld_neither_takes_lines_away_nor_gives_any) {
  EXPECT_EQ(lines_of(60, 1000), 60U);
  wait(50s);
  tell(1000, done, "ping");
  EXPECT_EQ(lines_of(1, 1001), 1U);
  wait(10s - instant);
  EXPECT_EQ(lines_of(1, 1000), 0U);
  wait(instant);
  EXPECT_EQ(lines_of(60, 1000), 60U);
  wait(50s);
  EXPECT_EQ(log.take_summaries(),
            (std::vector{Summary{"served", std::nullopt, 1, "ping 1"}, Summary{"withheld", 1000, 1, "sem.alter 1"}}));
  EXPECT_EQ(lines_of(1, 1000), 0U);
}

TEST_F(Digested, a_late_tick_loses_nothing) {
  EXPECT_EQ(lines_of(100, 1000), 60U);
  now += 3h;  // nobody ticks
  EXPECT_EQ(lines_of(5, 1000), 0U);
  digest.tick(now);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"withheld", 1000, 45, "sem.alter 45"})});
  digest.tick(now);
  digest.flush();
  EXPECT_TRUE(log.summaries.empty());
}

TEST_F(Digested, a_time_that_was_set_back_delays_no_summary) {
  EXPECT_EQ(lines_of(61, 1000), 60U);
  wait(20s);
  wait(-30min);
  EXPECT_EQ(digest.next_due(), now + 40s);
  wait(40s - instant);
  EXPECT_TRUE(log.summaries.empty());
  wait(instant);
  EXPECT_EQ(log.take_summaries().size(), 1U);
  wait(-30min);
  EXPECT_EQ(lines_of(61, 1000), 60U);
  EXPECT_EQ(digest.next_due(), now + 1min);
}

TEST_F(Digested, flush_says_all_at_once_and_once_only) {
  tell(1000, done, "wake");
  EXPECT_EQ(lines_of(61, 1000), 60U);
  digest.flush();
  EXPECT_EQ(log.take_summaries(),
            (std::vector{Summary{"served", std::nullopt, 1, "wake 1"}, Summary{"withheld", 1000, 1, "sem.alter 1"}}));
  EXPECT_FALSE(digest.next_due());
  digest.flush();
  wait(1min);
  EXPECT_TRUE(log.summaries.empty());
}

TEST_F(Digested, a_flush_gives_nobody_new_lines) {
  EXPECT_EQ(lines_of(60, 1000), 60U);
  for (unsigned each = 0; each < 2; ++each) {
    digest.flush();
    EXPECT_EQ(lines_of(1, 1000), 0U);
    EXPECT_EQ(digest.next_due(), now + 1min);
  }
  EXPECT_EQ(log.take_summaries().size(), 1U);
}

// --- What summaries say. ---

TEST_F(Digested, a_summary_names_the_commonest_rules_first) {
  EXPECT_EQ(lines_of(60, 1000), 60U);
  lines_of(3, 1000, malformed);
  lines_of(9940, 1000, too_often);
  lines_of(90'000, 1000, denied);
  lines_of(3, 1000, dropped);
  wait(1min);
  EXPECT_EQ(
      log.take_summaries(),
      std::vector{(Summary{"withheld", 1000, 99'946, "sem.alter 90000 rate.uid 9940 refused 3 peer.namespace 3"})});
}

TEST_F(Digested, a_summary_names_eight_rules_and_counts_the_others) {
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  for (const std::size_t rules : {8U, 9U, 10U}) {
    EXPECT_EQ(lines_of(60, 1000), 60U);
    for (std::size_t index = 0; index < rules; ++index) {
      lines_of(100 + static_cast<unsigned>(index), 1000, {Verdict::refused, names[index].c_str(), EPERM});
    }
    wait(1min);
    const auto said = log.take_summaries();
    ASSERT_EQ(said.size(), 1U);
    const std::map<std::size_t, std::string> expected{
        {8, "h 107 g 106 f 105 e 104 d 103 c 102 b 101 a 100"},
        {9, "i 108 h 107 g 106 f 105 e 104 d 103 c 102 b 101 other 100"},
        {10, "j 109 i 108 h 107 g 106 f 105 e 104 d 103 c 102 other 201"}};
    EXPECT_EQ(said[0].detail, expected.at(rules));
  }
}

TEST_F(Digested, rules_beyond_its_table_are_others) {
  std::vector<std::string> names(100);
  for (std::size_t index = 0; index < names.size(); ++index) names[index] = "rule." + std::to_string(index);
  EXPECT_EQ(lines_of(60, 1000), 60U);
  for (const auto& name : names) EXPECT_EQ(lines_of(2, 1000, {Verdict::refused, name.c_str(), EPERM}), 0U);
  // The last that has a place, and the first that has none.
  lines_of(50, 1000, {Verdict::refused, names[Digest::rules_counted - 1].c_str(), EPERM});
  lines_of(500, 1000, {Verdict::refused, names[Digest::rules_counted].c_str(), EPERM});
  wait(1min);
  EXPECT_EQ(log.take_summaries(),
            std::vector{(Summary{"withheld", 1000, 750,
                                 "rule.30 52 rule.0 2 rule.1 2 rule.2 2 rule.3 2 rule.4 2 rule.5 2 rule.6 2 "
                                 "other 684"})});
}

TEST_F(Digested, the_same_rule_in_other_memory_is_the_same_rule) {
  const std::string copy = rule::semaphore_alter;
  EXPECT_EQ(lines_of(61, 1000), 60U);
  lines_of(1, 1000, {Verdict::refused, copy.c_str(), EPERM});
  wait(1min);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"withheld", 1000, 2, "sem.alter 2"})});
}

TEST_F(Digested, a_rule_of_any_length_does_no_harm) {
  const std::string long_rule(5000, 'x');
  EXPECT_EQ(lines_of(60, 1000), 60U);
  lines_of(2, 1000, {Verdict::refused, long_rule.c_str(), EPERM});
  lines_of(1, 1000);
  wait(1min);
  const auto said = log.take_summaries();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].count, 3U);
  EXPECT_EQ(said[0].detail, std::string(512, 'x'));
}

TEST_F(Digested, so_many_uids_are_counted_apart_and_the_rest_together) {
  use_up_all_lines();
  // In no order, so that none is lucky.
  std::vector<uid_t> uids(Digest::uids_withheld + 2);
  for (std::size_t index = 0; index < uids.size(); ++index) uids[index] = 5000 + static_cast<uid_t>(index);
  std::ranges::shuffle(uids, std::mt19937(4));
  for (const unsigned times : {2U, 3U}) {
    for (const uid_t uid : uids) EXPECT_EQ(lines_of(times, uid), 0U);
  }
  wait(1min);
  auto said = log.take_summaries();
  ASSERT_EQ(said.size(), Digest::uids_withheld + 1);
  EXPECT_EQ(said.back(), (Summary{"withheld", std::nullopt, 10, "other uids: sem.alter 10"}));
  said.pop_back();
  std::vector<uid_t> seen;
  for (const auto& each : said) {
    seen.push_back(*each.uid);
    EXPECT_EQ(each.count, 5U);
  }
  uids.resize(Digest::uids_withheld);  // the first that came
  std::ranges::sort(uids);
  EXPECT_EQ(seen, uids);
  // One fewer, and there is no rest.
  use_up_all_lines();
  for (const uid_t uid : uids) lines_of(1, uid);
  wait(1min);
  EXPECT_EQ(log.summaries.size(), Digest::uids_withheld);
  EXPECT_TRUE(
      std::ranges::all_of(log.take_summaries(), [](const Summary& each) { return each.uid && each.count == 1; }));
}

TEST_F(Digested, so_many_uids_have_lines_in_a_minute) {
  Digest wordy(log, {false, 1000}, now);
  AuditRecord record;
  record.outcome = denied;
  for (uid_t uid = 0; uid < Digest::uids_with_lines; ++uid) {
    record.uid = uid * 64;
    ASSERT_NE(wordy.record(record), 0U) << uid;
  }
  record.uid = 1;
  EXPECT_EQ(wordy.record(record), 0U);
  record.uid = 0;
  EXPECT_NE(wordy.record(record), 0U) << "who has a place keeps it";
  wordy.tick(now + 1min);
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"withheld", 1, 1, "sem.alter 1"})});
}

// --- Over long times. ---

// What a detail says in numbers.
std::uint64_t sum_of(const std::string& detail) {
  std::istringstream words(detail);
  std::uint64_t sum = 0;
  for (std::string word; words >> word;) {
    if (std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; })) sum += std::stoull(word);
  }
  return sum;
}

TEST_F(Digested, lines_and_counts_are_the_records_whatever_happens) {
  const std::vector<Outcome> outcomes{denied, too_often, malformed, failed, dropped, done};
  const std::vector<std::string_view> requests{"wake",           "continue",          "ping",
                                               "remove-segment", "flush-header-open", "-"};
  std::uint64_t counted_in_all = 0;
  for (unsigned seed = 0; seed < 30; ++seed) {
    Random random(seed);
    log.lines.clear();
    Digest some(log, {random.below(4) == 0, random.below(20)}, now);
    const unsigned uids = seed % 3 == 0 ? 5000 : 20;
    std::uint64_t records = 0;
    std::uint64_t changes = 0;
    std::map<std::optional<uid_t>, std::uint64_t> of_uid;
    const auto step = [&] {
      if (random.below(500) == 0) {
        now += std::chrono::milliseconds(random.below(40'000));
        some.tick(now);
      }
      AuditRecord record;
      if (random.below(10) != 0) record.uid = random.below(uids);
      record.request = requests[random.below(static_cast<unsigned>(requests.size()))];
      record.outcome = outcomes[random.below(static_cast<unsigned>(outcomes.size()))];
      const std::size_t before = log.lines.size();
      some.record(record);
      ++records;
      const bool routine = std::ranges::find(requests, record.request) < requests.begin() + 3;
      if (record.outcome.verdict == Verdict::done && !routine) {
        ++changes;
        ASSERT_EQ(log.lines.size(), before + 1) << "a change without a line";
      }
      if (record.outcome.verdict != Verdict::done) ++of_uid[record.uid];
    };
    for (unsigned each = 0; each < 20'000; ++each) ASSERT_NO_FATAL_FAILURE(step());
    some.flush();
    EXPECT_FALSE(some.next_due());
    std::uint64_t counted = 0;
    std::uint64_t of_others = 0;
    for (const Summary& each : log.take_summaries()) {
      EXPECT_EQ(sum_of(each.detail), each.count) << each.detail;
      counted += each.count;
      if (each.name == "withheld") {
        if (each.detail.starts_with("other uids:")) {
          of_others += each.count;
        } else {
          of_uid[each.uid] -= each.count;
        }
      }
    }
    EXPECT_EQ(log.lines.size() + counted, records) << "seed " << seed;
    // And of each uid, as far as it was counted apart.
    for (const Journal::Line& each : log.lines) {
      if (each.verdict != Verdict::done) --of_uid[each.uid];
    }
    for (const auto& [uid, rest] : of_uid) {
      EXPECT_LE(rest, of_others) << "more lines and counts than records, or fewer";
      of_others -= std::min(rest, of_others);
    }
    EXPECT_EQ(of_others, 0U) << "seed " << seed;
    EXPECT_GT(changes, 0U);
    counted_in_all += counted;
  }
  EXPECT_GT(counted_in_all, 100'000U) << "the test shows nothing";
}

TEST_F(Digested, an_hour_of_floods_leaves_a_log_that_can_be_read_with_every_change_in_it) {
  constexpr unsigned seconds = 3600;
  constexpr uid_t floods = 4;
  std::uint64_t records = 0;
  unsigned changes = 0;
  std::map<std::int64_t, std::map<std::optional<uid_t>, unsigned>> said;  // minute by minute
  for (unsigned second = 0; second < seconds; ++second) {
    for (uid_t uid = 2000; uid < 2000 + floods; ++uid) {
      for (unsigned each = 0; each < 250; ++each, ++records) tell(uid, each % 3 == 0 ? too_often : denied);
    }
    for (unsigned each = 0; each < 100; ++each, ++records) tell(1000, done, "ping");
    if (second % 7 == 0) {
      tell(1000, done, "remove-segment");
      ++records;
      ++changes;
    }
    if (second % 100 == 0) {
      tell(1001, denied, "remove-file");  // of one who does not flood
      ++records;
    }
    wait(1s);
    for (const Summary& each : log.summaries) {
      if (each.name == "withheld") ++said[(now - MonotonicTime(1h)) / 1min][each.uid];
    }
    for (const Summary& each : log.take_summaries()) records -= each.count;
  }
  digest.flush();
  for (const Summary& each : log.take_summaries()) records -= each.count;
  EXPECT_EQ(log.lines.size(), records);
  EXPECT_EQ(std::ranges::count(log.lines, "remove-segment", &Journal::Line::request), changes);
  EXPECT_EQ(std::ranges::count(log.lines, "remove-file", &Journal::Line::request), seconds / 100);
  // Each flood has its sixty lines a minute.
  EXPECT_EQ(log.lines.size(), changes + seconds / 100 + floods * 60U * 60U);
  EXPECT_EQ(said.size(), 60U);
  for (const auto& [minute, uids] : said) {
    EXPECT_EQ(uids.size(), floods) << "in minute " << minute;
    for (const auto& [uid, times] : uids) EXPECT_EQ(times, 1U) << *uid << " in minute " << minute;
  }
}

TEST_F(Digested, floods_of_65536_uids_leave_no_more_than_the_common_lines_and_the_first_ones) {
  std::uint64_t records = 0;
  for (unsigned minute = 0; minute < 10; ++minute) {
    for (uid_t uid = 100'000; uid < 165'536; ++uid, ++records) tell(uid, denied);
    wait(1min);
  }
  EXPECT_EQ(log.lines.size(), 10U * (600U + Digest::uids_with_first_line));
  const auto said = log.take_summaries();
  EXPECT_EQ(said.size(), 10U * (Digest::uids_withheld + 1));
  for (const Summary& each : said) records -= each.count;
  EXPECT_EQ(records, log.lines.size());
}

// --- What it only hands on. ---

TEST_F(Digested, events_summaries_and_questions_go_to_the_log) {
  digest.event("started", "x");
  digest.summary({"lost", 5, 6, "seven"});
  EXPECT_EQ(log.events, std::vector<std::string>{"started: x"});
  EXPECT_EQ(log.take_summaries(), std::vector{(Summary{"lost", 5, 6, "seven"})});
  EXPECT_TRUE(digest.has_written(7));
  EXPECT_FALSE(digest.has_written(8));
}

}  // namespace
}  // namespace secshr
