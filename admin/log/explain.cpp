#include "admin/log/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "protocol/rule_texts.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

using protocol::RuleText;

constexpr std::size_t width = 80;

// A text beside its label, broken between words.
void print_part(std::string_view label, std::string_view text) {
  constexpr std::size_t indentation = 12;
  fmt::print("  {:<{}}", label, indentation - 2);
  while (text.size() > width - indentation) {
    const std::size_t end = std::min(text.rfind(' ', width - indentation), text.size());
    fmt::print("{}\n{:{}}", text.substr(0, end), "", indentation);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  fmt::print("{}\n", text);
}

void print(const RuleText& text) {
  fmt::print("{}\n", text.rule);
  print_part("refused", text.refusal);
  print_part("protects", text.protects);
  print_part("requires", text.requirement);
  print_part("to do", text.remedy);
}

void print_all() {
  for (const RuleText& text : protocol::rule_texts) fmt::print("{:<16}{}\n", text.rule, text.refusal);
  fmt::print("\nsecshrctl explain RULE says what a rule protects, and what to do.\n");
}

nlohmann::ordered_json json_of(const RuleText& text) {
  return {{"rule", text.rule},
          {"refused", text.refusal},
          {"protects", text.protects},
          {"requires", text.requirement},
          {"to_do", text.remedy}};
}

nlohmann::ordered_json json_of_all() {
  auto all = nlohmann::ordered_json::array();
  for (const RuleText& text : protocol::rule_texts) all.push_back(json_of(text));
  return all;
}

}  // namespace

Result<ExitStatus> explain(const std::optional<std::string>& rule, bool as_json) {
  const RuleText* const text = rule ? protocol::find_rule_text(*rule) : nullptr;
  if (rule && text == nullptr) {
    return std::unexpected(Failure{ExitStatus::usage, fmt::format("{}: is no rule; there are {}", log_value(*rule),
                                                                  fmt::join(protocol::rule_ids, " "))});
  }
  if (as_json) {
    fmt::print("{}\n", (text == nullptr ? json_of_all() : json_of(*text)).dump(2));
  } else if (text == nullptr) {
    print_all();
  } else {
    print(*text);
  }
  return ExitStatus::fine;
}

}  // namespace secshr::admin
