// No value can break out of its field, and every line reads back as what was put in.
#include "secshr/audit/logfmt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

namespace secshr {
namespace {

bool is_printable_ascii(char c) {
  return c >= ' ' && c <= '~';
}

// The line with `value` between two neighbours that it must leave alone.
std::string line_with(std::string_view value) {
  return LogLine().text("before", "x").text("key", value).number("after", 7).view();
}

void expect_contained(std::string_view value) {
  const std::string line = line_with(value);
  EXPECT_TRUE(std::ranges::all_of(line, is_printable_ascii)) << line;
  const LogFields expected{{"before", "x"}, {"key", std::string(value)}, {"after", "7"}};
  EXPECT_EQ(parse_log_line(line), expected) << line;
}

TEST(LogLine, contains_every_single_byte) {
  for (int byte = 0; byte < 256; ++byte) expect_contained(std::string(1, static_cast<char>(byte)));
}

TEST(LogLine, contains_every_pair_of_bytes) {
  std::string value(2, '\0');
  for (int pair = 0; pair < 65536; ++pair) {
    value[0] = static_cast<char>(pair >> 8);
    value[1] = static_cast<char>(pair & 0xff);
    expect_contained(value);
  }
}

TEST(LogLine, contains_hand_picked_nasties) {
  using namespace std::string_view_literals;
  constexpr std::array nasties{
      ""sv,
      " "sv,
      "a b"sv,
      "x\nts=2038-01-19T03:14:07.000000Z seq=1 verdict=done"sv,
      "x\r\nverdict=done"sv,
      "\x1b[2J\x1b]0;title\x07"sv,
      "\x9b"
      "31mred"sv,  // C1 as one byte
      "\xc2\x9b"
      "31mred"sv,               // C1 as UTF-8
      "\xe2\x80\xaegnp.exe"sv,  // right-to-left override
      "\xe2\x81\xa6isolate\xe2\x81\xa9"sv,
      "\xe2\x80\xa8line separator"sv,
      "\xef\xbb\xbf"
      "bom"sv,
      "%n%s%99999d"sv,
      "{} {0} {:>99999} {"sv,
      "\" verdict=done rule=\"-"sv,
      "\\"sv,
      "\\\\"sv,
      "ends in a backslash\\"sv,
      "\\\""sv,
      "\\x0a"sv,  // the text of an escape is not an escape
      "\\x"sv,
      "\"\""sv,
      "="sv,
      "a=b"sv,
      "-"sv,
      "nul\0inside"sv,
      "\x7f"sv,
      "\xff\xfe"sv,
  };
  for (const auto nasty : nasties) expect_contained(nasty);
}

TEST(LogLine, contains_random_bytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string value(random() % 40, '\0');
    // Half of them from the bytes that mean something.
    constexpr std::string_view special = "\\\"xX0fF \n=";
    for (char& c : value)
      c = random() % 2 == 0 ? special[random() % special.size()] : static_cast<char>(random() & 0xff);
    expect_contained(value);
  }
}

TEST(LogLine, tells_different_values_apart) {
  // What one value's escape is, another may hold as text.
  EXPECT_NE(line_with("\n"), line_with("\\x0a"));
  EXPECT_NE(line_with("\""), line_with("\\\""));
  EXPECT_NE(line_with(""), line_with("\"\""));
}

TEST(LogLine, leaves_plain_values_as_they_are) {
  EXPECT_EQ(LogLine().text("obj", "/data/a-b_c.d:e@f,g+h%i").view(), "obj=/data/a-b_c.d:e@f,g+h%i");
  EXPECT_EQ(LogLine().number("n", -9223372036854775807 - 1).octal("mode", 0444).unknown("uid").view(),
            "n=-9223372036854775808 mode=0444 uid=-");
}

TEST(LogLine, has_values_that_stand_among_other_words_as_well) {
  EXPECT_EQ(log_value("/mnt/tmp"), "/mnt/tmp");
  EXPECT_EQ(log_value("/a /etc"), "\"/a /etc\"");
  EXPECT_EQ(log_value(""), "\"\"");
  EXPECT_EQ(log_value("\n\""), "\"\\x0a\\\"\"");
}

TEST(LogLine, cannot_be_mistaken_for_another_line_after_any_change) {
  // Whatever single byte of a line is replaced, removed or doubled: it is no line, or exactly the line of what it
  // says.
  const std::string line = line_with("a \"quoted\\\n\x80 value");
  const auto check = [](const std::string& changed) {
    const auto fields = parse_log_line(changed);
    if (!fields) return;
    LogLine again;
    for (const auto& [key, value] : *fields) again.text(key, value);
    EXPECT_EQ(again.view(), changed);
  };
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = line;
      changed[at] = static_cast<char>(byte);
      check(changed);
    }
    check(line.substr(0, at));
    check(line.substr(0, at) + line.substr(at + 1));
    check(line.substr(0, at + 1) + line.substr(at));
  }
}

using namespace std::string_view_literals;

TEST(ParseLogLine, refuses_malformed_lines) {
  constexpr std::array malformed{"key"sv,           "="sv,
                                 "=value"sv,        "key="sv,
                                 "key= other=1"sv,  " key=1"sv,
                                 "key=1 "sv,        "key=1  o=2"sv,
                                 "key=1\to=2"sv,    "key=a b"sv,
                                 "key=\""sv,        "key=\"open"sv,
                                 "key=\"a\"b"sv,    "key=\"a\"o=1"sv,
                                 "key=\"\\\""sv,    "key=\"\\\\\\\""sv,
                                 "key=\"\\x0\""sv,  "key=\"\\x"sv,
                                 "key=\"\\x0A\""sv, "key=\"\\xg0\""sv,
                                 "key=\"\\n\""sv,   "key=\"\n\""sv,
                                 "key=\"\x80\""sv,  "key=\x80"sv,
                                 "key=\n"sv,        "key=1\n"sv,
                                 "k\"y=1"sv,        "k y=1"sv,
                                 "k\ny=1"sv,        "key=va\"lue"sv,
                                 "key=va\\lue"sv,   "key=a=b"sv,
                                 "key=\0"sv};
  for (const auto line : malformed) EXPECT_EQ(parse_log_line(line), std::nullopt) << line;
}

// The header promises nothing for what LogLine cannot have made: each value has one spelling.
TEST(ParseLogLine, refuses_another_spelling_of_a_value) {
  for (const auto line : {"key=\"plain\""sv, "key=\"\\x41 \""sv, "key=\"\\x22\""sv, "key=\"\\x5c\""sv}) {
    EXPECT_EQ(parse_log_line(line), std::nullopt) << line;
  }
}

TEST(ParseLogLine, gives_no_fields_for_an_empty_line) {
  EXPECT_EQ(parse_log_line(""), LogFields{});
}

}  // namespace
}  // namespace secshr
