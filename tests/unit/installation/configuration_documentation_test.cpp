// The manual page has every key that is read, of the configuration and of the records of installations, and no other,
// each with what must be known of it; and its examples work.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "installation/configuration.h"
#include "installation/installation.h"

namespace secshr {
namespace {

std::vector<std::string> manual() {
  std::ifstream file(CONFIGURATION_MANUAL);
  EXPECT_TRUE(file.is_open()) << CONFIGURATION_MANUAL;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The text of each key's entry: `.It Ic NAME` in that section, below `.Ss The table [TABLE]` for those of a table.
std::map<std::string, std::string> documented_keys(const std::string& section) {
  std::map<std::string, std::string> entries;
  bool in_keys = false;
  std::string table;
  std::string* entry = nullptr;
  for (const std::string& line : manual()) {
    if (line.starts_with(".Sh ")) in_keys = line == ".Sh " + section;
    if (line.starts_with(".Sh ")) table.clear();
    if (line.starts_with(".Sh ") || line.starts_with(".Ss ") || line == ".El") entry = nullptr;
    if (line.starts_with(".Ss ")) {
      const auto open = line.find('[');
      table = open == std::string::npos ? "" : line.substr(open + 1, line.find(']') - open - 1) + ".";
    }
    if (in_keys && line.starts_with(".It Ic ")) {
      const auto [place, is_new] = entries.emplace(table + line.substr(7), "");
      EXPECT_TRUE(is_new) << line << " is there twice";
      entry = &place->second;
    } else if (entry != nullptr) {
      *entry += line + "\n";
    }
  }
  return entries;
}

std::vector<std::string> names_of(const std::map<std::string, std::string>& entries) {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const auto& [key, entry] : entries) names.push_back(key);
  return names;
}

const char* const keys = "KEYS";
const char* const records = "RECORDS OF INSTALLATIONS";

TEST(ConfigurationManual, has_every_key_and_no_other) {
  std::vector<std::string> known = configuration_keys();
  std::ranges::sort(known);
  EXPECT_EQ(names_of(documented_keys(keys)), known);
}

// A record that is written has every key, since none may be missing.
TEST(ConfigurationManual, has_every_key_of_a_record_and_no_other) {
  const auto written = format_installation({"test", protocol::find_profile("gtm"), "/opt/gtm", "a release", 0});
  std::vector<std::string> known;
  std::istringstream text(written);
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with('#')) known.push_back(line.substr(0, line.find(" = ")));
  }
  std::ranges::sort(known);
  EXPECT_EQ(names_of(documented_keys(records)), known);
  const std::string profiles = documented_keys(records).at("profile");
  for (const char* const profile : {"gtm", "ydb", "generic"}) {
    EXPECT_NE(protocol::find_profile(profile), nullptr);
    EXPECT_NE(profiles.find(std::string("\\(dq") + profile + "\\(dq"), std::string::npos) << profile;
  }
}

TEST(ConfigurationManual, says_of_each_key_its_type_its_default_its_effect_and_when_it_takes_effect) {
  auto entries = documented_keys(keys);
  entries.merge(documented_keys(records));
  for (const auto& [key, entry] : entries) {
    SCOPED_TRACE(key);
    for (const char* const part : {"Type: ", "Default:", "Takes effect: "}) {
      EXPECT_NE(entry.find(part), std::string::npos) << part;
    }
    const auto effect = entry.find("\n.Pp\n");
    ASSERT_NE(effect, std::string::npos);
    EXPECT_GT(entry.size(), effect + 20) << "no effect";
  }
}

TEST(ConfigurationManual, has_examples_that_are_accepted) {
  std::vector<std::string> examples;
  bool in_examples = false;
  bool in_display = false;
  for (const std::string& line : manual()) {
    if (line.starts_with(".Sh ")) in_examples = line == ".Sh EXAMPLES";
    if (!in_examples) continue;
    if (line == ".Ed") in_display = false;
    if (in_display) examples.back() += line + "\n";
    if (line.starts_with(".Bd ")) {
      in_display = true;
      examples.emplace_back();
    }
  }
  EXPECT_EQ(examples.size(), 3U);
  for (const std::string& example : examples) {
    const auto configuration = parse_configuration(example, "example");
    EXPECT_TRUE(configuration) << to_string(configuration.error()) << "\n" << example;
  }
}

}  // namespace
}  // namespace secshr
