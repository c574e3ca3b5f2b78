// The records of adopted installations: what one may say, and that it comes back as it was written.
#include "installation/installation.h"

#include <gtest/gtest.h>

#include <string>

namespace secshr {
namespace {

const std::string record =
    "profile = 'gtm'\ndirectory = '/opt/gtm'\nrelease = 'GT.M V7.0-005 Linux x86_64'\ncommunication_key = "
    "0xb54536ab\n";

std::string refusal(const std::string& text, const std::string& name = "demo") {
  const auto installation = parse_installation(text, "r.toml", name);
  return installation ? "accepted" : to_string(installation.error());
}

std::string with(std::string_view part, std::string_view other) {
  std::string text = record;
  return text.replace(text.find(part), part.size(), other);
}

TEST(Installation, is_read_from_its_record) {
  const auto installation = parse_installation(record, "r.toml", "demo");
  ASSERT_TRUE(installation) << to_string(installation.error());
  EXPECT_EQ(installation->name, "demo");
  ASSERT_NE(installation->profile, nullptr);
  EXPECT_EQ(installation->profile->name, "gtm");
  EXPECT_EQ(installation->directory, "/opt/gtm");
  EXPECT_EQ(installation->release, "GT.M V7.0-005 Linux x86_64");
  EXPECT_EQ(installation->communication_key, 0xb54536abU);
}

TEST(Installation, comes_back_as_it_was_written) {
  auto installation = parse_installation(record, "r.toml", "demo");
  ASSERT_TRUE(installation);
  for (const char* const directory :
       {"/opt/gtm", "/opt/a \"b\" \\c'd", "/opt/\\u0041\\", "/opt/\xc3\xa4#\xe2\x82\xac"}) {
    installation->directory = directory;
    const auto again = parse_installation(format_installation(*installation), "r.toml", "demo");
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(again->directory, directory);
    EXPECT_EQ(again->profile, installation->profile);
    EXPECT_EQ(again->release, installation->release);
    EXPECT_EQ(again->communication_key, installation->communication_key);
  }
}

// A record edited by hand into another release would make the broker answer clients it must not answer.
TEST(Installation, refuses_a_key_that_is_not_its_releases) {
  EXPECT_EQ(refusal(with("0xb54536ab", "0xb54536ac")),
            "r.toml:4:21: communication_key: must be 0xb54536ab, the key of the release \"GT.M V7.0-005 Linux "
            "x86_64\"");
  EXPECT_EQ(refusal(with("0xb54536ab", "0xffffffff")).find("r.toml:4:21: communication_key: must be"), 0U);
  EXPECT_EQ(refusal(with("0xb54536ab", "0x100000000")),
            "r.toml:4:21: communication_key: must be a whole number from 0 to 4294967295");
  EXPECT_EQ(refusal(with("0xb54536ab", "-1")),
            "r.toml:4:21: communication_key: must be a whole number from 0 to 4294967295");
}

TEST(Installation, refuses_impossible_values) {
  EXPECT_EQ(refusal(with("'gtm'", "'gt.m'")), "r.toml:1:11: profile: no such profile");
  EXPECT_EQ(refusal(with("'gtm'", "1")), "r.toml:1:11: profile: must be a string");
  EXPECT_EQ(refusal(with("'/opt/gtm'", "'opt/gtm'")), "r.toml:2:13: directory: must be an absolute path");
  EXPECT_EQ(refusal(with("'/opt/gtm'", "'/opt/gtm/'")),
            "r.toml:2:13: directory: must not have empty components or a slash at its end");
  EXPECT_EQ(refusal(with("'/opt/gtm'", "'/" + std::string(3071, 'x') + "'")), "accepted");
  EXPECT_EQ(refusal(with("'/opt/gtm'", "'/" + std::string(3072, 'x') + "'")), "r.toml:2:13: directory: is too long");
  const std::string no_release = "r.toml:3:11: release: must be 1 to 128 printable ASCII characters";
  EXPECT_EQ(refusal(with("'GT.M V7.0-005 Linux x86_64'", "''")), no_release);
  EXPECT_EQ(refusal(with("'GT.M V7.0-005 Linux x86_64'", "\"GT.M\\n\"")), no_release);
  EXPECT_EQ(refusal(with("'GT.M V7.0-005 Linux x86_64'", "'" + std::string(129, 'x') + "'")), no_release);
}

TEST(Installation, refuses_unknown_and_missing_keys) {
  EXPECT_EQ(refusal(record + "tmp = '/tmp'\n"), "r.toml:5:1: unknown key \"tmp\"");
  EXPECT_EQ(refusal(with("profile = 'gtm'\n", "")), "r.toml: profile is missing");
  EXPECT_EQ(refusal(with("directory = '/opt/gtm'\n", "")), "r.toml: directory is missing");
  EXPECT_EQ(refusal(with("communication_key = 0xb54536ab\n", "")), "r.toml: communication_key is missing");
  EXPECT_EQ(refusal(""), "r.toml: profile is missing");
}

TEST(Installation, has_a_name_that_nobody_can_misread) {
  for (const std::string& name : {std::string("a"), std::string("V7.0-005_x86_64"), std::string("_"),
                                  std::string("0-"), std::string(64, 'n')}) {
    EXPECT_TRUE(is_installation_name(name)) << name;
  }
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string(".a"),
                                  std::string("-a"), std::string("a/b"), std::string("a b"), std::string("a\n"),
                                  std::string("\xc3\xa4"), std::string(65, 'n'), std::string("a\0", 2)}) {
    EXPECT_FALSE(is_installation_name(name)) << name;
    EXPECT_NE(refusal(record, name), "accepted") << name;
  }
}

TEST(Installation, is_not_found_where_there_are_no_records) {
  const auto records = load_installations("/nonexistent/installations.d");
  ASSERT_TRUE(records) << to_string(records.error());
  EXPECT_TRUE(records->empty());
  const auto found = find_installation("/nonexistent/installations.d", 1, 1);
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_FALSE(*found);
}

}  // namespace
}  // namespace secshr
