// What is wrong in a configuration, in the very words and with the place that an administrator gets: golden/NAME.toml
// is refused with the first line of golden/NAME.expected. Its second line, "LINE:TEXT", is the control: with that
// text in place of that line the file is accepted. Where a value is just beyond a limit, the control has the limit.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "installation/configuration.h"

namespace secshr {
namespace {

namespace fs = std::filesystem;

const fs::path directory = GOLDEN_DIRECTORY;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

std::vector<std::string> names(const std::string& extension) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == extension) found.push_back(entry.path().stem());
  }
  std::ranges::sort(found);
  return found;
}

std::string judge(const std::string& text, const std::string& file) {
  const auto configuration = parse_configuration(text, file);
  return configuration ? "accepted" : to_string(configuration.error());
}

// The text, with that line (from 1; the one after the last to append) replaced.
std::string with_line(const std::string& text, std::size_t line, const std::string& replacement) {
  std::size_t start = 0;
  for (; line > 1; --line) start = text.find('\n', start) + 1;
  const std::size_t end = std::min(text.find('\n', start), text.size());
  return text.substr(0, start) + replacement + text.substr(end);
}

class RefusedConfiguration : public testing::TestWithParam<std::string> {};

TEST_P(RefusedConfiguration, is_refused_in_these_words_and_accepted_when_mended) {
  const std::string text = read(directory / (GetParam() + ".toml"));
  std::istringstream expected(read(directory / (GetParam() + ".expected")));
  std::string message, mended;
  ASSERT_TRUE(std::getline(expected, message));
  EXPECT_EQ(judge(text, GetParam() + ".toml"), message);

  std::size_t line = 0;
  char colon = 0;
  ASSERT_TRUE(expected >> line && expected.get(colon) && colon == ':') << "no control";
  // All the rest but its newline: a control may have several lines.
  mended.assign(std::istreambuf_iterator<char>(expected), {});
  ASSERT_TRUE(mended.ends_with('\n'));
  mended.pop_back();
  EXPECT_EQ(judge(with_line(text, line, mended), GetParam() + ".toml"), "accepted") << "the control";
}

INSTANTIATE_TEST_SUITE_P(Golden, RefusedConfiguration, testing::ValuesIn(names(".toml")), [](const auto& golden) {
  std::string name = golden.param;
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

TEST(RefusedConfigurations, come_in_pairs) {
  EXPECT_EQ(names(".toml"), names(".expected"));
  EXPECT_FALSE(names(".toml").empty());
}

TEST(RefusedConfigurations, have_each_key_with_a_value_of_the_wrong_type) {
  const auto present = names(".toml");
  for (const std::string& key : configuration_keys()) {
    EXPECT_TRUE(std::ranges::binary_search(present, "wrong-type-" + key)) << key;
  }
}

// Only one byte is wrong here, and it would be the 65,537th of a file.
TEST(RefusedConfigurations, have_one_that_is_too_long) {
  const std::string ids = "broker_uid = 101\nlooker_uid = 102\nwriter_uid = 103\n";
  const std::size_t limit = std::size_t{64} * 1024;
  const std::string longest = ids + "#" + std::string(limit - ids.size() - 1, 'x');
  ASSERT_EQ(longest.size(), limit);
  EXPECT_EQ(judge(longest, "c.toml"), "accepted");
  EXPECT_EQ(judge(longest + "x", "c.toml"), "c.toml: is too long");
}

}  // namespace
}  // namespace secshr
