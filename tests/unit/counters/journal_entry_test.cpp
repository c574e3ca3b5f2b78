// The journal's native protocol, byte by byte, and that no value gets out of its field.
#include "secshr/audit/journal_entry.h"

#include <gtest/gtest.h>

#include <random>

namespace secshr {
namespace {

using namespace std::string_literals;

std::string entry(const std::string& value) {
  return JournalEntry().text("MESSAGE", value).view();
}

TEST(JournalEntry, is_a_line_where_the_value_is_printable) {
  EXPECT_EQ(entry("hello"), "MESSAGE=hello\n");
  EXPECT_EQ(entry(""), "MESSAGE=\n");
  EXPECT_EQ(entry(" ~=\"\\%{}"), "MESSAGE= ~=\"\\%{}\n");
  EXPECT_EQ(JournalEntry().number("A_1", -7).number("B", 0).view(), "A_1=-7\nB=0\n");
  EXPECT_EQ(JournalEntry().number("A", INT64_MIN).number("B", INT64_MAX).view(),
            "A=-9223372036854775808\nB=9223372036854775807\n");
}

TEST(JournalEntry, is_a_length_and_the_bytes_where_it_is_not) {
  EXPECT_EQ(entry("a\nb"), "MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n"s);
  EXPECT_EQ(entry("\0"s), "MESSAGE\n\x01\0\0\0\0\0\0\0\0\n"s);
  EXPECT_EQ(entry(std::string(0x1234, '\n')), "MESSAGE\n\x34\x12\0\0\0\0\0\0"s + std::string(0x1234, '\n') + "\n");
  // The last byte of either side.
  EXPECT_EQ(entry("\x1f"), "MESSAGE\n\x01\0\0\0\0\0\0\0\x1f\n"s);
  EXPECT_EQ(entry("\x7f"), "MESSAGE\n\x01\0\0\0\0\0\0\0\x7f\n"s);
  EXPECT_EQ(entry("\x80"), "MESSAGE\n\x01\0\0\0\0\0\0\0\x80\n"s);
}

TEST(JournalEntry, of_any_bytes_parses_back_to_them) {
  std::mt19937 generator(5);  // NOLINT(cert-msc51-cpp): the same bytes at every run
  for (int each = 0; each < 5000; ++each) {
    JournalFields fields;
    JournalEntry made;
    for (unsigned field = 0; field < 4; ++field) {
      std::string value(generator() % 20, '\0');
      // Mostly those that the form is made of.
      for (char& c : value) c = generator() % 2 == 0 ? "\n=A\0"[generator() % 4] : static_cast<char>(generator());
      fields.emplace_back(std::string(1, static_cast<char>('A' + field)), value);
      made.text(fields.back().first, value);
    }
    ASSERT_EQ(parse_journal_entry(made.view()), fields) << testing::PrintToString(made.view());
  }
}

TEST(JournalEntry, that_it_cannot_have_made_is_none) {
  ASSERT_TRUE(parse_journal_entry("A=b\nB\n\x01\0\0\0\0\0\0\0\n\n"s).has_value()) << "the control";
  for (const auto& wrong :
       {"A"s, "A=b"s, "=b\n"s, "a=b\n"s, "A b=c\n"s, "\n"s, "A=b\n\n"s, "A=\x1b\n"s, "A\n"s, "A\n\x01\0\0\0\0\0\0"s,
        "A\n\x01\0\0\0\0\0\0\0"s, "A\n\x01\0\0\0\0\0\0\0\n"s, "A\n\x02\0\0\0\0\0\0\0\n\n"s,
        "A\n\x01\0\0\0\0\0\0\0b\n"s,  // has a simpler form
        "A\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n"s, "A\n\0\0\0\0\0\0\0\x01\n\n"s}) {
    EXPECT_FALSE(parse_journal_entry(wrong).has_value()) << testing::PrintToString(wrong);
  }
}

}  // namespace
}  // namespace secshr
