// Lines and counts together are the requests: each once, and what nobody can tell apart from the rest.
#include "admin/log/log_summary.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "admin/log/summary_text.h"
#include "tests/unit/admin/log_lines.h"

namespace secshr::admin {
namespace {

LogSummary summary_of(const std::vector<std::string>& lines, const LogFilter& filter = {}) {
  LogSummary summary;
  for (const std::string& line : lines) {
    const auto entry = parse_log_entry(line);
    EXPECT_TRUE(entry.has_value()) << line;
    if (entry) summary.add(*entry, filter);
  }
  return summary;
}

const std::vector<std::string> some_lines{
    LineOf{}.text(),
    LineOf{.seq = "2"}.text(),
    LineOf{.seq = "3", .verdict = "refused", .rule = "sem.alter", .code = "EPERM"}.text(),
    LineOf{.seq = "4", .verdict = "refused", .code = "EINVAL"}.text(),
    LineOf{.seq = "5", .uid = "-", .req = "-", .verdict = "dropped", .rule = "peer.namespace", .code = "EPERM"}
        .text(),
    event_line("served count=7 detail=\"wake 3 ping 4\"", "2026-11-22T10:01:00.000000Z"),
    event_line("withheld uid=71001 count=12 detail=\"sem.alter 6 failed 4 other 2\"")};

TEST(LogSummary, counts_lines_and_what_is_only_counted) {
  const LogSummary summary = summary_of(some_lines);
  EXPECT_EQ(summary.requests.lines, 5U);
  EXPECT_EQ(summary.requests.counted, 19U);
  EXPECT_EQ(summary.first, "2026-11-22T10:00:00.000001Z");
  EXPECT_EQ(summary.last, "2026-11-22T10:01:00.000000Z");
  EXPECT_EQ(summary.verdicts.at("done").all(), 9U);
  EXPECT_EQ(summary.verdicts.at("withheld").all(), 8U);
  const auto groups = summary.groups();
  ASSERT_EQ(groups.size(), 9U);
  EXPECT_EQ(groups[0].key, (SummaryKey{71001, "-", "withheld", "sem.alter", ""}));
  EXPECT_EQ(groups[0].count.counted, 6U);
  std::uint64_t all = 0;
  for (const SummaryGroup& group : groups) all += group.count.all();
  EXPECT_EQ(all, summary.requests.all());
}

TEST(LogSummary, says_what_the_log_does_not_tell_of_what_is_wanted) {
  const LogSummary of_user = summary_of(some_lines, {.uid = 71001});
  EXPECT_EQ(of_user.requests.lines, 4U);
  EXPECT_EQ(of_user.requests.counted, 12U);
  EXPECT_EQ(of_user.undecided, 7U) << "whose wakes these were";
  const LogSummary refused = summary_of(some_lines, {.verdict = "refused"});
  EXPECT_EQ(refused.requests.all(), 2U);
  EXPECT_EQ(refused.undecided, 8U);
}

TEST(LogSummary, counts_a_line_that_was_written_twice_once) {
  const LogSummary summary = summary_of({LineOf{}.text(), LineOf{}.text(), LineOf{.seq = "2"}.text()});
  EXPECT_EQ(summary.requests.lines, 2U);
  EXPECT_EQ(summary.repeated, 1U);
}

TEST(LogSummary, counts_no_request_twice_that_was_written_late) {
  const LogSummary summary = summary_of({LineOf{.verdict = "failed", .code = "ETIMEDOUT"}.text(),
                                         LineOf{.seq = "2", .behind = " late=yes before=1 after=2"}.text()});
  EXPECT_EQ(summary.requests.lines, 1U);
  EXPECT_EQ(summary.late, 1U);
}

TEST(LogSummary, counts_starts_and_lost_lines_apart) {
  const std::vector<std::string> lines{event_line("start-failed detail=x"),
                                       event_line("starts-withheld uid=71001 count=9"),
                                       event_line("starts-withheld count=2 detail=\"other uids\""),
                                       "ts=2026-11-22T10:00:00.000001Z event=log-lost lines=5"};
  const LogSummary summary = summary_of(lines);
  EXPECT_EQ(summary.requests.all(), 0U);
  EXPECT_EQ(summary.starts.lines, 1U);
  EXPECT_EQ(summary.starts.counted, 11U);
  EXPECT_EQ(summary.lost, 5U);
  EXPECT_EQ(summary_of(lines, {.uid = 71001}).starts.all(), 9U);
}

TEST(LogSummary, holds_so_many_groups_and_counts_the_others_together) {
  std::vector<std::string> lines;
  for (std::size_t uid = 1; uid <= LogSummary::most_groups; ++uid) {
    lines.push_back(LineOf{.seq = std::to_string(uid), .uid = std::to_string(uid)}.text());
  }
  EXPECT_EQ(summary_of(lines).groups().size(), LogSummary::most_groups);
  EXPECT_EQ(summary_of(lines).others.all(), 0U);
  lines.push_back(LineOf{.seq = "9", .uid = "71001"}.text());
  lines.push_back(LineOf{.seq = "10", .uid = "1"}.text());
  const LogSummary summary = summary_of(lines);
  EXPECT_EQ(summary.groups().size(), LogSummary::most_groups);
  EXPECT_EQ(summary.groups().front().key.uid, 1U) << "a group that there is goes on";
  EXPECT_EQ(summary.groups().front().count.all(), 2U);
  EXPECT_EQ(summary.others.all(), 1U);
  EXPECT_EQ(summary.requests.all(), LogSummary::most_groups + 2);
  EXPECT_NE(text_of(summary, "gtm").find("all others"), std::string::npos);
  EXPECT_EQ(json_of(summary, "gtm")["other_groups"]["lines"], 1);
}

}  // namespace
}  // namespace secshr::admin
