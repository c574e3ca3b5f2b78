// Every rule is explained, in words that can stand on any terminal.
#include "protocol/rule_texts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace secshr::protocol {
namespace {

bool can_be_read(std::string_view text) {
  return text.size() > 10 && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }) &&
         !text.contains("  ") && text.front() != ' ';
}

TEST(RuleTexts, are_there_for_every_rule) {
  for (const std::string_view rule : rule_ids) {
    const RuleText* const text = find_rule_text(rule);
    ASSERT_NE(text, nullptr) << rule;
    EXPECT_TRUE(can_be_read(text->refusal)) << rule;
    EXPECT_NE(std::string_view(text->refusal).back(), '.') << rule << ": a line goes on behind it";
    for (const std::string_view sentence : {text->protects, text->requirement, text->remedy}) {
      EXPECT_TRUE(can_be_read(sentence)) << rule << ": " << sentence;
      EXPECT_EQ(sentence.back(), '.') << rule << ": " << sentence;
    }
  }
}

TEST(RuleTexts, are_there_once_each) {
  std::set<std::string_view> texts;
  for (const RuleText& text : rule_texts) {
    for (const std::string_view each : {std::string_view(text.refusal), text.protects, text.requirement}) {
      EXPECT_TRUE(texts.insert(each).second) << text.rule << ": " << each;
    }
  }
}

TEST(RuleTexts, are_found_by_the_whole_name_only) {
  for (const std::string_view name : {"", "-", "sem", "sem.alter ", "SEM.ALTER", "sem.alterx"}) {
    EXPECT_EQ(find_rule_text(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace secshr::protocol
