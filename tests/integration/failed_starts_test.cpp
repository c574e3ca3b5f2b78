// Users who have the wrapper run again and again, in vain: the logs stay readable, nobody is silenced by others, and
// what was withheld is told by a later start.
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "secshr/limits.h"
#include "secshr/start/start_lines.h"
#include "secshr_paths.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

constexpr std::size_t limit = limits::start_lines_per_minute;
// A test may begin in one minute and end in the next.
constexpr std::size_t most = 2 * limit;
const Identity root{0, 0, {}};

class BrokerFailedStarts : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    (void)serve(third_user);  // so that there is a log
    (void)events();
  }
  // What the system log was told by so many starts that must fail.
  static std::vector<std::string> fail(std::size_t times, const Identity& identity,
                                       StartStatus status = StartStatus::directory,
                                       const std::string& directory = "/mnt/test/missing") {
    std::vector<std::string> said;
    for (std::size_t start = 0; start < times; ++start) {
      EXPECT_EQ(BrokerTest::start(identity, directory).ending, ending_of(status));
      add_system_log(said);
    }
    return said;
  }
  static void add_system_log(std::vector<std::string>& said) {
    const auto lines = system_log();
    said.insert(said.end(), lines.begin(), lines.end());
  }
  static std::size_t events_named(const std::string& name) {
    std::size_t count = 0;
    for (const LogRecord& event : events()) count += event.at("event") == name ? 1 : 0;
    return count;
  }
  static std::size_t lines_that_begin_with(const std::vector<std::string>& lines, const std::string& begin) {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const std::string& line) { return line.starts_with(begin); }));
  }
  // As if it had been counted a minute earlier.
  static void pass_a_minute(const std::string& directory) {
    const std::string path = directory + "/" + StartLines::file_name;
    std::string text = read_file(path);
    ASSERT_EQ(text.size(), StartLines::file_size);
    for (std::size_t at = 0; at < text.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, 8);
      constexpr unsigned minute = 52;
      if (word != 0) word -= std::uint64_t{1} << minute;
      std::memcpy(text.data() + at, &word, 8);
    }
    write_file(path, text, 0600);
  }
  // How many starts of each user the log says were not said.
  static std::map<std::string, std::size_t> withheld() {
    std::map<std::string, std::size_t> starts;
    for (const LogRecord& event : events()) {
      if (event.at("event") == "starts-withheld") {
        starts[event.contains("uid") ? event.at("uid") : event.at("detail")] += std::stoul(event.at("count"));
      }
    }
    return starts;
  }
  static std::string user_name(const Identity& user) { return std::to_string(user.uid); }
  static inline const std::string place = std::string(paths::run) + "/test";
};

TEST_F(BrokerFailedStarts, of_one_user_are_some_lines_and_then_a_count_and_others_are_said_all_the_same) {
  constexpr std::size_t starts = 60;
  const auto lines = fail(starts, first_user);
  const std::size_t said = lines_that_begin_with(lines, "reason=missing detail=cause=");
  EXPECT_GE(said, limit);
  EXPECT_LE(said, most);
  EXPECT_EQ(events_named("start-failed"), said);
  // Nobody else is silenced.
  for (const Identity& other : {second_user, root}) {
    EXPECT_EQ(lines_that_begin_with(fail(1, other), "reason=missing "), 1U);
  }
  EXPECT_EQ(events_named("start-failed"), said + 2);
  // The next start tells, whoever's and however it ends; and no other.
  const std::size_t told = withheld()[user_name(first_user)];
  pass_a_minute(place);
  (void)serve(second_user);
  EXPECT_EQ(withheld(), (std::map<std::string, std::size_t>{{user_name(first_user), starts - said}}));
  EXPECT_EQ(system_log(), std::vector{"reason=start-lines-withheld detail=of=\"uid " + user_name(first_user) +
                                      "\" starts=" + std::to_string(starts - said - told)});
  (void)serve(second_user);
  EXPECT_EQ(system_log(), std::vector<std::string>{});
  // And that user is said again.
  EXPECT_EQ(fail(1, first_user).size(), 1U);
}

TEST_F(BrokerFailedStarts, of_many_users_leave_no_more_lines_than_there_are_places_and_root_is_said) {
  constexpr std::size_t users = limits::users_with_start_lines + 10;
  std::size_t starts = 0;
  for (std::size_t round = 0; round < limit + 1; ++round) {
    for (std::size_t user = 0; user < users; ++user, ++starts) {
      (void)fail(1, {static_cast<uid_t>(80000 + user), g1, {}});
    }
  }
  const std::size_t said = events_named("start-failed");
  EXPECT_LE(said, most * (limits::users_with_start_lines + 1));
  EXPECT_LT(said, starts);
  EXPECT_EQ(lines_that_begin_with(fail(1, root), "reason=missing "), 1U);
  pass_a_minute(place);
  (void)serve();
  std::size_t told = 0;
  for (const auto& [user, count] : withheld()) told += count;
  EXPECT_EQ(said + told, starts);
  EXPECT_EQ(withheld().count("other uids"), 1U);
  (void)system_log();
}

TEST_F(BrokerFailedStarts, with_the_kept_configuration_in_force_are_said_as_seldom) {
  configure("unknown = 1\n");
  constexpr std::size_t starts = 30;
  const std::string kept = "reason=configuration detail=in_force=kept ";
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < starts; ++start) {
    (void)serve(first_user);
    add_system_log(lines);
  }
  const std::size_t said = lines_that_begin_with(lines, kept);
  EXPECT_GE(said, limit);
  EXPECT_LE(said, most);
  (void)serve(root);
  EXPECT_EQ(lines_that_begin_with(system_log(), kept), 1U);
  pass_a_minute(place);
  (void)serve(second_user);
  EXPECT_EQ(withheld(), (std::map<std::string, std::size_t>{{user_name(first_user), starts - said}}));
  // One word for all that a start says: where it fails with it, both lines are there or none.
  (void)system_log();
  forget_failed_starts();
  lines = fail(starts, first_user);
  EXPECT_EQ(lines_that_begin_with(lines, kept), lines_that_begin_with(lines, "reason=missing "));
  EXPECT_GE(lines_that_begin_with(lines, kept), limit);
  EXPECT_LE(lines_that_begin_with(lines, kept), most);
}

TEST_F(BrokerFailedStarts, that_do_not_know_their_installation_are_said_as_seldom_and_again_the_next_minute) {
  kill_other_processes();
  std::filesystem::remove(std::string(paths::installations) + "/test.toml");
  constexpr std::size_t starts = 30;
  constexpr std::size_t minutes = 2;
  std::size_t said = 0;
  for (std::size_t minute = 0; minute < minutes; ++minute) {
    const auto lines = fail(starts, first_user, StartStatus::not_adopted);
    const std::size_t now = lines_that_begin_with(lines, "reason=not-adopted ");
    EXPECT_GE(now, limit);
    EXPECT_LE(now, most);
    EXPECT_EQ(lines_that_begin_with(fail(1, root, StartStatus::not_adopted), "reason=not-adopted "), 1U);
    said += now;
    pass_a_minute(paths::run);
    const auto next = fail(1, root, StartStatus::not_adopted);
    EXPECT_EQ(lines_that_begin_with(next, "reason=start-lines-withheld detail=of=\"uid " + user_name(first_user)),
              1U);
  }
  EXPECT_LT(said, minutes * starts);
  // Once an installation is there that is all over.
  adopt();
  (void)serve(second_user);
  EXPECT_EQ(system_log(), std::vector<std::string>{});
}

TEST_F(BrokerFailedStarts, are_all_said_where_nothing_can_be_counted_and_starts_work) {
  make_directory(place + "/" + StartLines::file_name);
  EXPECT_EQ(fail(3 * limit, first_user).size(), 3 * limit);
  EXPECT_EQ(events_named("start-failed"), 3 * limit);
  (void)serve(first_user);
  expect_serving();
}

TEST_F(BrokerFailedStarts, are_counted_in_what_nobody_else_can_reach) {
  (void)fail(1, first_user);
  const std::string path = place + "/" + StartLines::file_name;
  const FileState state = state_of(path);
  EXPECT_EQ(state.mode, S_IFREG | 0600U);
  EXPECT_EQ(state.uid, 0U);
  // And no process of the broker keeps it.
  const auto found = wait_for_processes();
  for (const pid_t pid : found.all()) {
    EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/maps").find(StartLines::file_name), std::string::npos);
  }
}

}  // namespace
}  // namespace secshr::test
