// What is shown of a line is printable ASCII, whatever clients chose and whoever wrote to the file.
#include "admin/log/log_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "secshr/audit/logfmt.h"
#include "tests/unit/admin/log_lines.h"

namespace secshr::admin {
namespace {

bool is_safe(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

LogEntry entry_of(const LineOf& line) {
  auto entry = parse_log_entry(line.text());
  EXPECT_TRUE(entry.has_value()) << line.text();
  return entry ? *std::move(entry) : LogEntry{{{"ts", ""}}, LogEvent{}};
}

TEST(LogText, is_safe_whatever_a_client_is_called_and_calls_its_files) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string chosen = "a" + std::string(1, static_cast<char>(byte)) + "b";
    const LogEntry entry = entry_of({.comm = log_value(chosen), .obj = log_value("/tmp/" + chosen)});
    EXPECT_TRUE(is_safe(text_of(entry, "gtm"))) << byte;
    const auto json = json_of(entry, "gtm");
    EXPECT_TRUE(is_safe(json.dump())) << byte;
    // Nothing is lost: in quotes it is the value again.
    const auto read = parse_log_line("x=" + log_value(chosen));
    ASSERT_TRUE(read);
    EXPECT_EQ(json["comm"], escaped(read->front().second));
  }
}

TEST(LogText, is_safe_whatever_is_in_the_file) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 2000; ++round) {
    std::string line = round % 2 == 0 ? LineOf{}.text() : std::string(random() % 200, ' ');
    for (std::size_t changes = line.empty() ? 0 : random() % 8; changes > 0; --changes) {
      line[random() % line.size()] = static_cast<char>(random());
    }
    const FileLine odd{line, line.size() + random() % 2, random() % 2 == 0};
    EXPECT_TRUE(is_safe(text_of(odd, "gtm")));
    EXPECT_TRUE(is_safe(json_of(odd, "gtm").dump()));
    if (const auto entry = parse_log_entry(line)) {
      EXPECT_TRUE(is_safe(text_of(*entry, "gtm"))) << testing::PrintToString(line);
      EXPECT_TRUE(is_safe(json_of(*entry, "gtm").dump())) << testing::PrintToString(line);
    }
  }
}

TEST(LogText, of_a_user_who_would_look_like_another_line_is_one_value) {
  const LogEntry entry = entry_of({.comm = log_value("x  rule sem"), .obj = log_value("7  uid 0")});
  EXPECT_EQ(text_of(entry, ""),
            "2026-11-22T10:00:00.000001Z  done     remove-semaphore-set  uid 71001  pid 4711     \"x  rule sem\"  "
            "object \"7  uid 0\" owner 71002 mode 0600  130 us");
}

TEST(LogJson, has_numbers_where_they_are_some_and_null_for_what_is_not_known) {
  EXPECT_EQ(json_of(entry_of({.uid = "-", .comm = "-", .owner = "-", .mode = "-"}), "gtm").dump(),
            R"({"installation":"gtm","ts":"2026-11-22T10:00:00.000001Z","seq":1,"pid":4711,"uid":null,"gid":72001,)"
            R"("comm":"-","req":"remove-semaphore-set","obj":"32769","owner":null,"mode":null,"verdict":"done",)"
            R"("rule":null,"errno":"0","us":130})");
  EXPECT_EQ(json_of(entry_of({.seq = "18446744073709551615"}), "")["seq"], "18446744073709551615")
      << "more than a number of JSON's";
}

TEST(LogJson, of_an_odd_line_says_how_it_is_odd) {
  EXPECT_EQ(json_of(FileLine{"x\x1b[2J\"", 900, false}, "gtm").dump(),
            R"({"installation":"gtm","odd_line":"x\\x1b[2J\\\"","bytes":900,"has_ended":false})");
  EXPECT_EQ(text_of(FileLine{"x\x1b[2J", 900, false}, "gtm"),
            "-                            gtm  ?        \"x\\x1b[2J\"  of 900 bytes  without its end");
}

}  // namespace
}  // namespace secshr::admin
