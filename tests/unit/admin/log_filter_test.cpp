// Which entries are wanted, where a line says all of a request and where it only counts.
#include "admin/log/log_filter.h"

#include <gtest/gtest.h>

#include <string>

#include "admin/log/audit_filter.h"
#include "admin/log/log_time.h"
#include "tests/unit/admin/log_lines.h"

namespace secshr::admin {
namespace {

constexpr auto ten_o_clock =
    LogTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) + std::chrono::hours(10);

bool wants(const LogFilter& filter, const std::string& line) {
  const auto entry = parse_log_entry(line);
  EXPECT_TRUE(entry.has_value()) << line;
  return entry && is_wanted(filter, *entry);
}

TEST(LogFilter, takes_a_request_by_each_of_its_fields) {
  const std::string line = LineOf{.verdict = "refused", .rule = "sem.alter", .code = "EPERM"}.text();
  EXPECT_TRUE(wants({}, line));
  EXPECT_TRUE(wants({.uid = 71001}, line));
  EXPECT_FALSE(wants({.uid = 71002}, line)) << "that is the owner";
  EXPECT_TRUE(wants({.pid = 4711}, line));
  EXPECT_FALSE(wants({.pid = 4712}, line));
  EXPECT_TRUE(wants({.request = "remove-semaphore-set"}, line));
  EXPECT_FALSE(wants({.request = "remove-segment"}, line));
  EXPECT_TRUE(wants({.verdict = "refused"}, line));
  EXPECT_FALSE(wants({.verdict = "done"}, line));
  EXPECT_TRUE(wants({.rule = "sem.alter"}, line));
  EXPECT_FALSE(wants({.rule = "sem.lastop"}, line));
  EXPECT_FALSE(wants({.uid = 71001, .rule = "sem.lastop"}, line)) << "all of them must fit";
  EXPECT_FALSE(wants({.uid = 0}, LineOf{.uid = "-"}.text())) << "not known is not root";
}

TEST(LogFilter, takes_both_directions_of_a_flush_for_one_request) {
  for (const char* const direction : {"flush-header-open", "flush-header-close", "flush-header"}) {
    EXPECT_TRUE(wants({.request = "flush-header"}, LineOf{.req = direction}.text())) << direction;
  }
  EXPECT_FALSE(wants({.request = "flush-header-open"}, LineOf{.req = "flush-header-close"}.text()));
  EXPECT_FALSE(wants({.request = "flush-header"}, LineOf{.req = "wake"}.text()));
}

TEST(LogFilter, takes_from_a_time_on_and_up_to_another) {
  const std::string at = "2026-11-22T10:00:00.000001Z";
  const std::string before = "2026-11-22T10:00:00.000000Z";
  const std::string after = "2026-11-22T10:00:00.000002Z";
  EXPECT_TRUE(wants({.since = at}, LineOf{}.text()));
  EXPECT_FALSE(wants({.since = after}, LineOf{}.text()));
  EXPECT_TRUE(wants({.until = after}, LineOf{}.text()));
  EXPECT_FALSE(wants({.until = at}, LineOf{}.text()));
  EXPECT_TRUE(wants({.since = before, .until = after}, event_line("started")));
  EXPECT_FALSE(wants({.since = after}, event_line("started")));
}

TEST(LogFilter, takes_events_that_count_what_is_wanted) {
  const std::string withheld = event_line("withheld uid=71001 count=3 detail=\"sem.alter 2 failed 1\"");
  const std::string served = event_line("served count=7 detail=\"wake 7\"");
  EXPECT_TRUE(wants({}, withheld));
  EXPECT_TRUE(wants({.uid = 71001}, withheld));
  EXPECT_FALSE(wants({.uid = 71002}, withheld));
  EXPECT_TRUE(wants({.rule = "sem.alter"}, withheld));
  EXPECT_FALSE(wants({.rule = "rate.uid"}, withheld));
  EXPECT_TRUE(wants({.verdict = "failed"}, withheld));
  EXPECT_FALSE(wants({.verdict = "done"}, withheld));
  EXPECT_FALSE(wants({.pid = 4711}, withheld)) << "nobody can tell";
  EXPECT_TRUE(wants({.request = "wake"}, served));
  EXPECT_FALSE(wants({.request = "ping"}, served));
  EXPECT_FALSE(wants({.uid = 71001}, served)) << "nobody can tell";
  EXPECT_TRUE(wants({}, event_line("started")));
  EXPECT_FALSE(wants({.verdict = "done"}, event_line("started")));
  EXPECT_TRUE(wants({.uid = 71001}, event_line("starts-withheld uid=71001 count=9")));
  EXPECT_FALSE(wants({.uid = 71002}, event_line("starts-withheld uid=71001 count=9")));
}

TEST(LogFilter, says_of_counts_where_the_log_does_not_say) {
  const LogCount by_rule{71001, std::nullopt, std::nullopt, "sem.alter", 5};
  EXPECT_EQ(matches({}, by_rule), Match::yes);
  EXPECT_EQ(matches({.uid = 71001, .rule = "sem.alter"}, by_rule), Match::yes);
  EXPECT_EQ(matches({.request = "wake"}, by_rule), Match::unknown);
  EXPECT_EQ(matches({.verdict = "refused"}, by_rule), Match::unknown) << "it may have been dropped";
  EXPECT_EQ(matches({.verdict = "done"}, by_rule), Match::no);
  EXPECT_EQ(matches({.verdict = "failed"}, by_rule), Match::no);
  EXPECT_EQ(matches({.uid = 71002, .request = "wake"}, by_rule), Match::no) << "certainly not";
  const LogCount other{71001, std::nullopt, std::nullopt, std::nullopt, 5};
  EXPECT_EQ(matches({.verdict = "failed"}, other), Match::unknown);
  EXPECT_EQ(matches({.verdict = "done"}, other), Match::no);
}

// --- As the command line has it. ---

TEST(AuditFilter, takes_users_by_number_and_by_account) {
  const auto by_number = make_filter({.user = "4294967295"}, ten_o_clock);
  ASSERT_TRUE(by_number);
  EXPECT_EQ(by_number->uid, 4294967295U);
  const auto by_name = make_filter({.user = "root"}, ten_o_clock);
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->uid, 0U);
}

TEST(AuditFilter, refuses_what_no_line_can_have) {
  for (const AuditRequest& odd :
       {AuditRequest{.user = "4294967296"}, AuditRequest{.user = "no such account"}, AuditRequest{.user = ""},
        AuditRequest{.user = "-1"}, AuditRequest{.request = "remove"}, AuditRequest{.verdict = "Done"},
        AuditRequest{.rule = "sem"}, AuditRequest{.since = "yesterday"}, AuditRequest{.until = "10"}}) {
    const auto filter = make_filter(odd, ten_o_clock);
    ASSERT_FALSE(filter);
    EXPECT_EQ(filter.error().status, ExitStatus::usage);
  }
  for (const AuditRequest& good :
       {AuditRequest{.request = "flush-header"}, AuditRequest{.request = "flush-header-open"},
        AuditRequest{.request = "remove-leftover"}, AuditRequest{.request = "unknown"},
        AuditRequest{.verdict = "dropped"}, AuditRequest{.rule = "-"}}) {
    EXPECT_TRUE(make_filter(good, ten_o_clock));
  }
  EXPECT_EQ(make_filter({.rule = "\x1b[2J"}, ten_o_clock).error().what.find('\x1b'), std::string::npos);
}

TEST(AuditTimes, are_of_the_calendar_or_ages) {
  const auto time = [](std::string_view text) { return parse_log_time(text, ten_o_clock).value_or("none"); };
  EXPECT_EQ(time("2026-11-22"), "2026-11-22T00:00:00.000000Z");
  EXPECT_EQ(time("2026-11-22T09:30"), "2026-11-22T09:30:00.000000Z");
  EXPECT_EQ(time("2026-11-22 09:30"), "2026-11-22T09:30:00.000000Z");
  EXPECT_EQ(time("2026-11-22T09:30:15Z"), "2026-11-22T09:30:15.000000Z");
  EXPECT_EQ(time("2026-11-22T09:30:15.5Z"), "2026-11-22T09:30:15.500000Z");
  EXPECT_EQ(time("2026-11-22T09:30:15.123456"), "2026-11-22T09:30:15.123456Z");
  EXPECT_EQ(time("90s"), "2026-11-22T09:58:30.000000Z");
  EXPECT_EQ(time("10m"), "2026-11-22T09:50:00.000000Z");
  EXPECT_EQ(time("2h"), "2026-11-22T08:00:00.000000Z");
  EXPECT_EQ(time("1d"), "2026-11-21T10:00:00.000000Z");
  EXPECT_EQ(time("3w"), "2026-11-01T10:00:00.000000Z");
  EXPECT_EQ(time("0s"), "2026-11-22T10:00:00.000000Z");
  EXPECT_EQ(time("999999999w"), "1970-01-01T00:00:00.000000Z") << "before everything";
  for (const char* const odd : {"",
                                "m",
                                "10",
                                "10x",
                                "-10m",
                                "1.5h",
                                "10 m",
                                "10M",
                                "+1d",
                                "9999999999s",
                                "2026-11",
                                "2026-11-2",
                                "2026-11-31",
                                "2026-11-22T",
                                "2026-11-22T9:30",
                                "2026-11-22T09:30:",
                                "2026-11-22T09:30:15.",
                                "2026-11-22T25:00",
                                "2026-11-22T09:30:15.1234567",
                                "2026-11-22T09:30+01:00",
                                "2026-11-22T09:30:15+01:00",
                                "20261122",
                                "now"}) {
    EXPECT_EQ(time(odd), "none") << odd;
  }
}

}  // namespace
}  // namespace secshr::admin
