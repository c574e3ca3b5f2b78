// The configuration file: what it may say, and that everything else is refused where it stands.
#include "installation/configuration.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <tuple>

namespace secshr {
namespace {

const std::string ids = "broker_uid = 101\nlooker_uid = 102\nwriter_uid = 103\n";

auto parse(const std::string& text) {
  return parse_configuration(text, "c.toml");
}

// Where and why `text` is refused, as an administrator sees it; "accepted" if it is not.
std::string refusal(const std::string& text) {
  const auto configuration = parse(text);
  return configuration ? "accepted" : to_string(configuration.error());
}

TEST(Configuration, needs_no_more_than_the_three_ids) {
  const auto configuration = parse(ids);
  ASSERT_TRUE(configuration) << to_string(configuration.error());
  EXPECT_EQ(configuration->broker_uid, 101U);
  EXPECT_EQ(configuration->looker_uid, 102U);
  EXPECT_EQ(configuration->writer_uid, 103U);
  EXPECT_TRUE(configuration->pinned_directories.empty());
  EXPECT_EQ(configuration->log_directory, paths::log);
  EXPECT_EQ(configuration->idle_timeout, std::chrono::seconds(6000));
  EXPECT_FALSE(configuration->allow_root_objects);
  EXPECT_EQ(configuration->max_directories, 16U);
}

TEST(Configuration, takes_every_key) {
  const auto configuration = parse(ids +
                                   "tmp = ['/tmp', '/srv/db/tmp']\nlog_directory = '/srv/log'\nidle_timeout_s = 7\n"
                                   "allow_root_objects = true\nmax_directories = 2\n");
  ASSERT_TRUE(configuration) << to_string(configuration.error());
  EXPECT_EQ(configuration->pinned_directories, (std::vector<std::string>{"/tmp", "/srv/db/tmp"}));
  EXPECT_EQ(configuration->log_directory, "/srv/log");
  EXPECT_EQ(configuration->idle_timeout, std::chrono::seconds(7));
  EXPECT_TRUE(configuration->allow_root_objects);
  EXPECT_EQ(configuration->max_directories, 2U);
}

TEST(Configuration, needs_each_of_the_three_ids) {
  EXPECT_EQ(refusal("looker_uid = 102\nwriter_uid = 103\n"), "c.toml: broker_uid is missing: it has no default");
  EXPECT_EQ(refusal("broker_uid = 101\nwriter_uid = 103\n"), "c.toml: looker_uid is missing: it has no default");
  EXPECT_EQ(refusal("broker_uid = 101\nlooker_uid = 102\n"), "c.toml: writer_uid is missing: it has no default");
  EXPECT_EQ(refusal(""), "c.toml: broker_uid is missing: it has no default");
}

TEST(Configuration, refuses_an_id_that_two_processes_share) {
  EXPECT_EQ(refusal("broker_uid = 101\nlooker_uid = 102\nwriter_uid = 101\n"),
            "c.toml:3:14: writer_uid: must differ from broker_uid");
  EXPECT_EQ(refusal("broker_uid = 101\nlooker_uid = 101\nwriter_uid = 103\n"),
            "c.toml:2:14: looker_uid: must differ from broker_uid");
  EXPECT_EQ(refusal("broker_uid = 101\nlooker_uid = 102\nwriter_uid = 102\n"),
            "c.toml:3:14: writer_uid: must differ from looker_uid");
}

// Root, the overflow id, and what wraps to either when cut to 32 bits.
class ImpossibleId : public testing::TestWithParam<const char*> {};
TEST_P(ImpossibleId, is_refused) {
  const std::string text = std::string("looker_uid = 102\nwriter_uid = 103\nbroker_uid = ") + GetParam() + "\n";
  EXPECT_EQ(refusal(text), "c.toml:3:14: broker_uid: must be a whole number from 1 to 65533");
}
INSTANTIATE_TEST_SUITE_P(Configuration, ImpossibleId,
                         testing::Values("0", "-1", "65534", "65535", "4294967295", "4294967296", "4294967397",
                                         "101.0", "true", "'101'", "[101]", "1979-05-27", "nan"));

TEST(Configuration, accepts_ids_up_to_the_limit) {
  EXPECT_EQ(refusal("broker_uid = 1\nlooker_uid = 65533\nwriter_uid = 65532\n"), "accepted");
}

// A value on the fourth line: accepted, or refused at the given place with the given words.
class Value : public testing::TestWithParam<std::tuple<const char*, const char*>> {};
TEST_P(Value, is_judged) {
  const auto& [line, expected] = GetParam();
  EXPECT_EQ(refusal(ids + line + "\n"), expected);
}
const std::string longest_directory = "tmp = ['/" + std::string(85, 'd') + "']";
const std::string too_long_directory = "tmp = ['/" + std::string(86, 'd') + "']";
INSTANTIATE_TEST_SUITE_P(
    Configuration, Value,
    testing::Values(
        std::tuple("idle_timeout_s = 1", "accepted"),
        std::tuple("idle_timeout_s = 0", "c.toml:4:18: idle_timeout_s: must be a whole number from 1 to 31622400"),
        std::tuple("idle_timeout_s = 31622400", "accepted"),
        std::tuple("idle_timeout_s = 31622401",
                   "c.toml:4:18: idle_timeout_s: must be a whole number from 1 to 31622400"),
        std::tuple("max_directories = 1", "accepted"),
        std::tuple("max_directories = 0", "c.toml:4:19: max_directories: must be a whole number from 1 to 256"),
        std::tuple("max_directories = 256", "accepted"),
        std::tuple("max_directories = 257", "c.toml:4:19: max_directories: must be a whole number from 1 to 256"),
        std::tuple("allow_root_objects = false", "accepted"),
        std::tuple("allow_root_objects = 1", "c.toml:4:22: allow_root_objects: must be true or false"),
        std::tuple("allow_root_objects = 'no'", "c.toml:4:22: allow_root_objects: must be true or false"),
        std::tuple("log_directory = 'var/log'", "c.toml:4:17: log_directory: must be an absolute path"),
        std::tuple("log_directory = ''", "c.toml:4:17: log_directory: must be an absolute path"),
        std::tuple("log_directory = ['/var/log']", "c.toml:4:17: log_directory: must be a string"),
        std::tuple("log_directory = '/var/../tmp'",
                   "c.toml:4:17: log_directory: must not have \".\" or \"..\" as a component"),
        std::tuple("tmp = []", "accepted"),
        std::tuple("tmp = '/tmp'", "c.toml:4:7: tmp: must be an array of absolute paths"),
        std::tuple("tmp = ['/tmp', 1]", "c.toml:4:16: tmp: must be an array of absolute paths"),
        std::tuple("tmp = ['/tmp', 'x']", "c.toml:4:16: tmp: must be an absolute path"),
        std::tuple("tmp = ['/tmp', '/tmp']", "c.toml:4:16: tmp: is there twice"),
        std::tuple("tmp = [\"/a\\u0000b\"]", "c.toml:4:8: tmp: must not contain control characters"),
        std::tuple(longest_directory.c_str(), "accepted"),
        std::tuple(too_long_directory.c_str(), "c.toml:4:8: tmp: is too long"),
        std::tuple("tmp = ['/a', '/b']\nmax_directories = 2", "accepted"),
        std::tuple("tmp = ['/a', '/b', '/c']\nmax_directories = 2",
                   "c.toml: tmp names more directories than max_directories allows")));

// A restriction that is misspelt, or that this version does not know, must never be dropped in silence.
TEST(Configuration, refuses_keys_it_does_not_serve) {
  EXPECT_EQ(refusal(ids + "idle_timeout = 5\n"), "c.toml:4:1: unknown key \"idle_timeout\"");
  EXPECT_EQ(refusal(ids + "Broker_uid = 5\n"), "c.toml:4:1: unknown key \"Broker_uid\"");
  EXPECT_EQ(refusal(ids + "[brocker]\nx = 1\n"), "c.toml:4:2: unknown key \"brocker\"");
  const std::string unserved = " is not served by this version; remove it (ignoring a restriction would fail open)";
  EXPECT_EQ(refusal(ids + "[restrict]\n"), "c.toml:4:2: [restrict]" + unserved);
  EXPECT_EQ(refusal(ids + "[log]\nlevel = 1\n"), "c.toml:4:2: [log]" + unserved);
  EXPECT_EQ(refusal(ids + "restrict.uid = [1]\n"), "c.toml:4:1: [restrict]" + unserved);
}

TEST(Configuration, refuses_what_is_no_toml_and_says_where) {
  EXPECT_TRUE(refusal(ids + "tmp = [").starts_with("c.toml:4:")) << refusal(ids + "tmp = [");
  EXPECT_TRUE(refusal(ids + "broker_uid = 5\n").starts_with("c.toml:4:")) << "the same key twice";
  EXPECT_TRUE(refusal(ids + "log_directory = '/\xff'\n").starts_with("c.toml:4:")) << "not UTF-8";
  EXPECT_TRUE(refusal(ids + std::string("\0", 1)).starts_with("c.toml:4:")) << "a NUL";
  EXPECT_TRUE(refusal(ids + "tmp = " + std::string(1000, '[')).starts_with("c.toml:4:")) << "nested too deep";
}

TEST(Configuration, limits_the_size) {
  const std::size_t limit = std::size_t{64} * 1024;
  const std::string padded = ids + "#" + std::string(limit - ids.size() - 1, 'x');
  EXPECT_EQ(padded.size(), limit);
  EXPECT_EQ(refusal(padded), "accepted");
  EXPECT_EQ(refusal(padded + "x"), "c.toml: is too long");
}

TEST(Configuration, has_the_hash_of_its_bytes) {
  EXPECT_EQ(parse(ids)->hash, parse(ids)->hash);
  EXPECT_NE(parse(ids)->hash, parse(ids + "\n")->hash);
}

TEST(Configuration, that_is_delivered_is_accepted_and_names_the_defaults) {
  std::ifstream file(DELIVERED_CONFIGURATION);
  std::ostringstream contents;
  contents << file.rdbuf();
  const auto as_delivered = parse(contents.str());
  ASSERT_TRUE(as_delivered) << to_string(as_delivered.error());

  // Each key that is commented out shows its default, so that turning it on changes nothing.
  std::string all_on;
  std::istringstream lines(contents.str());
  unsigned turned_on = 0;
  for (std::string line; std::getline(lines, line);) {
    const bool is_key = line.starts_with('#') && line.size() > 1 && line[1] != ' ' && line.find("tmp =") != 1;
    if (is_key) ++turned_on;
    all_on += (is_key ? line.substr(1) : line) + "\n";
  }
  EXPECT_EQ(turned_on, 4U);
  const std::string log_variable = "@SECSHR_LOGDIR@";
  all_on.replace(all_on.find(log_variable), log_variable.size(), paths::log);
  const auto with_all = parse(all_on);
  ASSERT_TRUE(with_all) << to_string(with_all.error());
  EXPECT_EQ(with_all->log_directory, as_delivered->log_directory);
  EXPECT_EQ(with_all->idle_timeout, as_delivered->idle_timeout);
  EXPECT_EQ(with_all->allow_root_objects, as_delivered->allow_root_objects);
  EXPECT_EQ(with_all->max_directories, as_delivered->max_directories);
}

TEST(Configuration, is_not_loaded_from_a_missing_file) {
  const auto loaded = load_configuration("/nonexistent/secshr.toml");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(to_string(loaded.error()), "/nonexistent/secshr.toml: does not exist");
}

}  // namespace
}  // namespace secshr
