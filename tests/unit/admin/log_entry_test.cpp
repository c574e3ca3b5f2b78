// Which lines are the broker's, and what they say.
#include "admin/log/log_entry.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/admin/log_lines.h"

namespace secshr::admin {
namespace {

using Counts = std::vector<LogCount>;

void expect_odd(const std::string& line) {
  EXPECT_FALSE(parse_log_entry(line).has_value()) << line;
}
LogEvent event_of(const std::string& line) {
  const auto entry = parse_log_entry(line);
  EXPECT_TRUE(entry && std::holds_alternative<LogEvent>(entry->what)) << line;
  return entry && std::holds_alternative<LogEvent>(entry->what) ? std::get<LogEvent>(entry->what) : LogEvent{};
}

TEST(LogEntry, of_a_request_says_who_asked_what) {
  const auto entry = parse_log_entry(LineOf{.verdict = "refused", .rule = "sem.alter", .code = "EPERM"}.text());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->time(), "2026-11-22T10:00:00.000001Z");
  const auto& record = std::get<LogRecord>(entry->what);
  EXPECT_EQ(record.uid, 71001U);
  EXPECT_EQ(record.pid, 4711);
  EXPECT_EQ(record.request, "remove-semaphore-set");
  EXPECT_EQ(record.verdict, "refused");
  EXPECT_EQ(record.rule, "sem.alter");
  EXPECT_EQ(record.code, "EPERM");
  EXPECT_FALSE(record.is_late);
}

TEST(LogEntry, of_a_request_may_not_know_its_sender) {
  const auto entry = parse_log_entry(
      LineOf{.pid = "-", .uid = "-", .gid = "-", .comm = "-", .req = "-", .obj = "-", .owner = "-", .mode = "-"}
          .text());
  ASSERT_TRUE(entry);
  EXPECT_EQ(std::get<LogRecord>(entry->what).uid, std::nullopt);
  EXPECT_EQ(std::get<LogRecord>(entry->what).pid, std::nullopt);
}

TEST(LogEntry, of_a_request_has_all_keys_in_their_order_and_each_once) {
  const std::string line = LineOf{}.text();
  ASSERT_TRUE(parse_log_entry(line)) << "the control";
  for (const char* const key :
       {"ts", "seq", "pid", "uid", "gid", "comm", "req", "obj", "owner", "mode", "verdict", "rule", "errno", "us"}) {
    const std::string name = std::string(key) + "=";
    const auto at = line.starts_with(name) ? 0 : line.find(" " + name) + 1;
    const auto end = line.find(' ', at);
    const std::string pair = line.substr(at, end == std::string::npos ? end : end - at + 1);
    std::string without = line;
    without.erase(at, pair.size());
    if (without.ends_with(' ')) without.pop_back();
    expect_odd(without);
    expect_odd(line + " " + pair.substr(0, pair.find(' ')));
    std::string renamed = line;
    expect_odd(renamed.insert(at, "x"));
  }
  expect_odd(line + " more=1");
  expect_odd("seq=1 " + line);
}

TEST(LogEntry, of_a_request_has_what_each_key_can_have) {
  for (const LineOf& odd : {LineOf{.ts = "2026-11-22T10:00:00.00000Z"},
                            LineOf{.seq = "-"},
                            LineOf{.seq = "-1"},
                            LineOf{.pid = "x"},
                            LineOf{.pid = "2147483648"},
                            LineOf{.uid = "4294967296"},
                            LineOf{.uid = "-1"},
                            LineOf{.gid = "1.5"},
                            LineOf{.req = "\"a b\""},
                            LineOf{.req = std::string(65, 'a')},
                            LineOf{.owner = "root"},
                            LineOf{.mode = "0800"},
                            LineOf{.verdict = "allowed"},
                            LineOf{.verdict = "-"},
                            LineOf{.rule = "\"\""},
                            LineOf{.rule = "a/b"},
                            LineOf{.code = "\"\\x1b\""},
                            LineOf{.us = "-"},
                            LineOf{.us = "1s"},
                            LineOf{.comm = "\"\\xZZ\""},
                            LineOf{.comm = "a b"},
                            LineOf{.comm = "\x1b[2J"},
                            LineOf{.comm = ""},
                            LineOf{.behind = " late=no"},
                            LineOf{.behind = " "},
                            LineOf{.behind = "\n"}}) {
    expect_odd(odd.text());
  }
  for (const LineOf& good :
       {LineOf{.pid = "2147483647"}, LineOf{.uid = "4294967295"}, LineOf{.req = std::string(64, 'a')},
        LineOf{.comm = "\"\\x1b[2J\""}, LineOf{.obj = "\"/a b\"", .objlen = " objlen=4000"},
        LineOf{.behind = " late=yes before=-1,-1,0,0 after=1,2,3,4"}}) {
    EXPECT_TRUE(parse_log_entry(good.text()).has_value()) << good.text();
  }
}

TEST(LogEntry, that_came_late_is_told_from_others) {
  const auto entry = parse_log_entry(LineOf{.behind = " late=yes before=-1,-1,0,0 after=1,2,3,4"}.text());
  ASSERT_TRUE(entry);
  EXPECT_TRUE(std::get<LogRecord>(entry->what).is_late);
}

TEST(LogEntry, of_an_event_says_what_it_counts) {
  EXPECT_EQ(event_of(event_line("started detail=\"installation test\"")).name, "started");
  EXPECT_EQ(event_of(event_line("served count=7 detail=\"wake 3 ping 4\"")).counts,
            (Counts{{std::nullopt, "wake", "done", "-", 3}, {std::nullopt, "ping", "done", "-", 4}}));
  EXPECT_EQ(event_of(event_line("withheld uid=71001 count=12 detail=\"sem.alter 6 failed 4 other 2\"")).counts,
            (Counts{{71001, std::nullopt, std::nullopt, "sem.alter", 6},
                    {71001, std::nullopt, "failed", "-", 4},
                    {71001, std::nullopt, std::nullopt, std::nullopt, 2}}));
  EXPECT_EQ(event_of(event_line("withheld count=1 detail=\"no uid: peer.namespace 1\"")).counts,
            (Counts{{std::nullopt, std::nullopt, std::nullopt, "peer.namespace", 1}}));
  EXPECT_EQ(event_of(event_line("withheld count=1 detail=\"other uids: rate.uid 1\"")).counts.size(), 1U);
  const LogEvent starts = event_of(event_line("starts-withheld uid=71001 count=9"));
  ASSERT_TRUE(starts.starts);
  EXPECT_EQ(starts.starts->uid, 71001U);
  EXPECT_EQ(starts.starts->count, 9U);
  EXPECT_EQ(event_of("ts=2026-11-22T10:00:00.000001Z event=log-lost lines=5").lost, 5U);
}

TEST(LogEntry, of_counts_that_do_not_add_up_is_none) {
  ASSERT_TRUE(parse_log_entry(event_line("served count=7 detail=\"wake 7\""))) << "the control";
  for (const char* const rest :
       {"served count=7 detail=\"wake 6\"", "served count=7 detail=\"wake 8\"", "served count=7",
        "served detail=\"wake 7\"", "served count=7 detail=\"wake\"", "served count=7 detail=\"wake 7 \"",
        "served count=7 detail=\"wake 7 ping\"", "served count=7 detail=\"wake  7\"",
        "served count=7 detail=\"wake -7\"", "served count=1 detail=\"wake 9007199254740993 ping 1\"",
        "withheld count=1 detail=\"sem.alter 1\"", "withheld count=1 detail=\"no uid:\"", "starts-withheld uid=1",
        "log-lost", "log-lost lines=x", "starts-withheld count=9007199254740993"}) {
    expect_odd(event_line(rest));
  }
  EXPECT_TRUE(parse_log_entry(event_line("starts-withheld count=9007199254740992")));
}

TEST(LogTimes, are_such_that_exist) {
  for (const char* const good : {"2026-11-22T10:00:00.000001Z", "2024-02-29T23:59:59.999999Z"}) {
    EXPECT_TRUE(is_log_time(good)) << good;
  }
  for (const char* const odd :
       {"", "2026-11-22T10:00:00.000001", "2026-11-22T10:00:00.000001ZZ", "2026-11-22 10:00:00.000001Z",
        "2025-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z",
        "2026-01-32T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:60:00.000000Z",
        "2026-01-01T00:00:60.000000Z", "2026-01-01T00:00:00.00000aZ"}) {
    EXPECT_FALSE(is_log_time(odd)) << odd;
  }
}

}  // namespace
}  // namespace secshr::admin
