// The configuration file: what it may say and what that means. What it may not say is in golden/.
#include "installation/configuration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace secshr {
namespace {

const std::string ids = "broker_uid = 101\nlooker_uid = 102\nwriter_uid = 103\n";

auto parse(const std::string& text) {
  return parse_configuration(text, "c.toml");
}

constexpr Restriction Restrictions::* requests[] = {
    &Restrictions::wake,        &Restrictions::remove_semaphore_set, &Restrictions::remove_segment,
    &Restrictions::remove_file, &Restrictions::continue_process,     &Restrictions::flush_header};

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

  const Restrictions& restrictions = configuration->restrictions;
  for (const auto member : requests) {
    EXPECT_TRUE((restrictions.*member).served);
    EXPECT_TRUE((restrictions.*member).groups.empty());
  }
  EXPECT_EQ(restrictions.requests_per_second_per_uid, 2000U);
  EXPECT_EQ(restrictions.requests_per_second, 20000U);
  EXPECT_EQ(restrictions.refusals_per_second_per_uid, 100U);
  EXPECT_EQ(configuration->log.routine, Routine::summary);
  EXPECT_EQ(configuration->log.refusals_per_minute_per_uid, 60U);
  EXPECT_TRUE(configuration->log.system_log);
  EXPECT_TRUE(configuration->log.copy);
  EXPECT_TRUE(configuration->acknowledged.empty());
}

// The library that reads TOML took it for impossible that such a letter is no white space.
TEST(Configuration, letters_of_every_script_are_text_in_a_string_and_an_error_outside) {
  for (const std::string letter : {"\u00e4", "\u0257", "\u0435", "\u05d0", "\u0e01", "\u1681", "\u2030", "\u65e5"}) {
    EXPECT_FALSE(parse(ids + letter)) << letter;
    std::string bare = ids;
    bare.append("idle_timeout_s = ").append(letter);
    EXPECT_FALSE(parse(bare)) << letter;
    std::string continued = ids;
    continued.append("[[doctor.acknowledged]]\nfinding = 'tmp.owner'\nreason = \"\"\"\\\n  ");
    continued.append(letter).append("\"\"\"\n");
    const auto configuration = parse(continued);
    ASSERT_TRUE(configuration) << to_string(configuration.error());
    EXPECT_EQ(configuration->acknowledged.at(0).reason, letter) << "behind a line's continuation";
  }
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

TEST(Configuration, takes_acknowledgements_in_both_of_tomls_forms) {
  const auto in_line = parse(ids +
                             "[doctor]\nacknowledged = [\n  { finding = 'tmp.owner', where = '/', reason = 'one' },\n"
                             "  { finding = 'tmp.owner', where = '/tmp', reason = 'two' },\n"
                             "  { finding = 'tmp.owner', reason = 'three' },\n]\n");
  const auto in_tables = parse(ids +
                               "[[doctor.acknowledged]]\nfinding = 'tmp.owner'\nwhere = '/'\nreason = 'one'\n"
                               "[[doctor.acknowledged]]\nfinding = 'tmp.owner'\nwhere = '/tmp'\nreason = 'two'\n"
                               "[[doctor.acknowledged]]\nreason = 'three'\nfinding = 'tmp.owner'\n");
  for (const auto& configuration : {in_line, in_tables}) {
    ASSERT_TRUE(configuration) << to_string(configuration.error());
    const auto& all = configuration->acknowledged;
    ASSERT_EQ(all.size(), 3U);
    EXPECT_TRUE(std::ranges::all_of(all, [](const auto& each) { return each.finding == "tmp.owner"; }));
    EXPECT_EQ(all[0].where, "/");
    EXPECT_EQ(all[1].where, "/tmp");
    EXPECT_FALSE(all[2].where);
    EXPECT_EQ(all[0].reason + all[1].reason + all[2].reason, "onetwothree");
  }
}

// Each key to its own member, and no other is touched.
TEST(Configuration, restricts_each_request_by_its_name_in_the_log) {
  const char* const names[] = {"wake",     "remove-semaphore-set", "remove-segment", "remove-file",
                               "continue", "flush-header"};
  for (std::size_t named = 0; named < std::size(names); ++named) {
    SCOPED_TRACE(names[named]);
    const auto refused = parse(ids + "[restrict]\n" + names[named] + " = false\n");
    const auto allowed = parse(ids + "[restrict]\n" + names[named] + " = true\n");
    const auto grouped = parse(ids + "[restrict]\n" + names[named] + " = [7, 'root', 4294967294]\n");
    ASSERT_TRUE(refused && allowed && grouped);
    for (std::size_t other = 0; other < std::size(requests); ++other) {
      const auto member = requests[other];
      EXPECT_EQ((refused->restrictions.*member).served, other != named);
      EXPECT_TRUE((refused->restrictions.*member).groups.empty());
      EXPECT_TRUE((allowed->restrictions.*member).served);
      EXPECT_TRUE((allowed->restrictions.*member).groups.empty());
      EXPECT_TRUE((grouped->restrictions.*member).served);
      EXPECT_EQ((grouped->restrictions.*member).groups,
                other == named ? (std::vector<gid_t>{7, 0, 4294967294}) : std::vector<gid_t>());
    }
  }
}

TEST(Configuration, takes_each_rate) {
  const auto configuration = parse(ids +
                                   "[restrict]\nrequests_per_second_per_uid = 3\nrequests_per_second = 4\n"
                                   "refusals_per_second_per_uid = 5\n");
  ASSERT_TRUE(configuration) << to_string(configuration.error());
  EXPECT_EQ(configuration->restrictions.requests_per_second_per_uid, 3U);
  EXPECT_EQ(configuration->restrictions.requests_per_second, 4U);
  EXPECT_EQ(configuration->restrictions.refusals_per_second_per_uid, 5U);
}

TEST(Configuration, takes_each_setting_of_the_log) {
  const auto lines = parse(ids + "[log]\nroutine = 'lines'\nrefusals_per_minute_per_uid = 0\n");
  ASSERT_TRUE(lines) << to_string(lines.error());
  EXPECT_EQ(lines->log.routine, Routine::lines);
  EXPECT_EQ(lines->log.refusals_per_minute_per_uid, 0U);
  EXPECT_TRUE(lines->log.system_log && lines->log.copy);
  const auto no_system_log = parse(ids + "[log]\nroutine = 'summary'\nsystem_log = false\n");
  ASSERT_TRUE(no_system_log) << to_string(no_system_log.error());
  EXPECT_EQ(no_system_log->log.routine, Routine::summary);
  EXPECT_FALSE(no_system_log->log.system_log);
  EXPECT_TRUE(no_system_log->log.copy);
  const auto no_copy = parse(ids + "log.copy = false\n");
  ASSERT_TRUE(no_copy) << to_string(no_copy.error());
  EXPECT_FALSE(no_copy->log.copy);
  EXPECT_TRUE(no_copy->log.system_log);
}

TEST(Configuration, takes_empty_tables_for_the_defaults) {
  const auto configuration = parse(ids + "[restrict]\n[log]\n");
  ASSERT_TRUE(configuration) << to_string(configuration.error());
  EXPECT_TRUE(configuration->restrictions.wake.served);
  EXPECT_EQ(configuration->log.refusals_per_minute_per_uid, 60U);
}

TEST(Configuration, has_its_bytes_as_they_were) {
  const std::string text = "# \xc3\xa4\r\n" + ids + "\n\n# the end";
  const auto configuration = parse(text);
  ASSERT_TRUE(configuration) << to_string(configuration.error());
  EXPECT_EQ(configuration->text, text);
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
  std::vector<std::string> turned_on;
  for (std::string line; std::getline(lines, line);) {
    const bool is_key = line.starts_with('#') && line.size() > 1 && line[1] != ' ' && line.find("tmp =") != 1;
    if (is_key) turned_on.push_back(line.substr(1, line.find(' ') - 1));
    all_on += (is_key ? line.substr(1) : line) + "\n";
  }
  for (const char* const key : {"log_directory", "idle_timeout_s", "allow_root_objects", "max_directories"}) {
    EXPECT_TRUE(std::ranges::find(turned_on, key) != turned_on.end()) << key;
  }
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
  EXPECT_TRUE(loaded.error().is_missing);
}

}  // namespace
}  // namespace secshr
