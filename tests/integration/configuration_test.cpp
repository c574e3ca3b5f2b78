// The last configuration that worked is kept, and a later one that cannot be used leaves the broker on it.
#include "installation/configuration.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "secshr_paths.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string kept = std::string(paths::run) + "/test/configuration";
const std::string own = paths::configuration;

class BrokerConfiguration : public BrokerTest {
 protected:
  static void end_broker() {
    kill_other_processes();
    (void)system_log();
  }
  // Has a broker served with what is configured now, and ended.
  static std::string serve_once() {
    (void)serve();
    end_broker();
    return read_file(own);
  }
  static std::string hash_of(const std::string& text) {
    const auto configuration = parse_configuration(text, "c.toml");
    EXPECT_TRUE(configuration);
    return configuration ? fmt::format("{:016x}", configuration->hash) : "";
  }
  // They are written by a process of their own.
  static std::vector<LogRecord> wait_for_events(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return events().size() >= count; })) << testing::PrintToString(events());
    return events();
  }
  // A start that serves with the kept configuration, of these bytes, and says what is wrong with the other.
  static void expect_served_with_kept(const std::string& text, const std::string& what) {
    const std::size_t before = events().size();
    (void)system_log();
    forget_failed_starts();
    (void)serve();
    expect_serving();
    const auto lines = system_log();
    ASSERT_EQ(lines.size(), 1U) << testing::PrintToString(lines);
    EXPECT_TRUE(lines[0].starts_with("reason=configuration detail=in_force=kept cause=\"" + own)) << lines[0];
    const auto after = wait_for_events(before + 2);
    ASSERT_EQ(after.size(), before + 2) << testing::PrintToString(after);
    EXPECT_EQ(after[before].at("event"), "started");
    EXPECT_NE(after[before].at("detail").find(" configuration " + hash_of(text)), std::string::npos);
    EXPECT_EQ(after[before + 1].at("event"), "configuration-refused");
    EXPECT_EQ(after[before + 1].at("detail"), own + what);
    EXPECT_EQ(read_file(kept), text);
    end_broker();
  }
  static void expect_served_with_own() {
    const std::size_t before = events().size();
    (void)serve();
    EXPECT_EQ(system_log(), std::vector<std::string>{});
    const auto after = wait_for_events(before + 1);
    ASSERT_EQ(after.size(), before + 1) << testing::PrintToString(after);
    EXPECT_NE(after[before].at("detail").find(" configuration " + hash_of(read_file(own))), std::string::npos);
    EXPECT_EQ(read_file(kept), read_file(own));
    end_broker();
  }
};

TEST_F(BrokerConfiguration, that_worked_is_kept_for_root_alone) {
  configure("# \xc3\xa4\r\n\n# the end");
  (void)serve();
  struct stat facts{};
  ASSERT_EQ(::lstat(kept.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode, S_IFREG | 0600U);
  EXPECT_EQ(facts.st_uid, 0U);
  EXPECT_EQ(facts.st_gid, 0U);
  EXPECT_EQ(read_file(kept), read_file(own));
  EXPECT_EQ(system_log(), std::vector<std::string>{});
}

TEST_F(BrokerConfiguration, that_is_malformed_leaves_the_next_broker_on_the_kept_one) {
  configure("idle_timeout_s = 100\n");
  const std::string good = serve_once();
  const std::pair<std::string, std::string> cases[] = {
      {"unknown = 1\n", ":4:1: unknown key \"unknown\""},
      {"idle_timeout_s = 0\n", ":4:18: idle_timeout_s: must be a whole number from 1 to 31622400"},
      {"[restrict]\nwake = ['no-such-group']\n", ":5:9: restrict.wake: there is no such group in /etc/group"},
      {"broker_uid = 5\n",
       ":4:14: Error while parsing key-value pair: cannot redefine existing integer 'broker_uid'"},
  };
  for (const auto& [bad, what] : cases) {
    SCOPED_TRACE(bad);
    configure(bad, {});
    expect_served_with_kept(good, what);
  }
  write_file(own, "");
  expect_served_with_kept(good, ": broker_uid is missing: it has no default");
  configure("idle_timeout_s = 200\n");
  expect_served_with_own();
}

TEST_F(BrokerConfiguration, that_others_could_have_written_leaves_the_next_broker_on_the_kept_one) {
  const std::string good = serve_once();
  configure("allow_root_objects = true\n");
  const std::string unsafe = ": must be root's alone, with every directory above it ";
  ASSERT_EQ(::chmod(own.c_str(), 0646), 0);
  expect_served_with_kept(good, unsafe + "(writable-by-others)");
  ASSERT_EQ(::chmod(own.c_str(), 0644), 0);
  ASSERT_EQ(::chown(own.c_str(), u1, 0), 0);
  expect_served_with_kept(good, unsafe + "(not-root-owned)");
  fs::rename(own, own + "2");
  fs::create_symlink(own + "2", own);
  expect_served_with_kept(good, unsafe + "(symbolic-link)");
  fs::remove(own);
  ASSERT_EQ(::mkfifo(own.c_str(), 0644), 0);
  expect_served_with_kept(good, unsafe + "(wrong-type)");
  fs::remove(own);
  configure("allow_root_objects = true\n");
  expect_served_with_own();
}

// The kept one is in force in all it says, the place of the log included.
TEST_F(BrokerConfiguration, that_is_kept_is_used_in_all_it_says) {
  configure("log_directory = '/mnt/test/log'\nidle_timeout_s = 1\n");
  (void)serve_once();
  configure("unknown = 1\n");
  fs::remove_all("/mnt/test/log");
  (void)serve();
  const std::string log = "/mnt/test/log/test/gtm_secshr_log";
  EXPECT_TRUE(eventually(
      [&] { return exists(log) && read_file(log).find("event=configuration-refused") != std::string::npos; }));
  EXPECT_FALSE(exists(log_file));
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); })) << "the idle timeout";
  (void)system_log();
}

TEST_F(BrokerConfiguration, that_is_missing_is_a_refusal_whatever_was_kept) {
  (void)serve_once();
  fs::remove(own);
  expect_no_start(StartStatus::other, "configuration");
  remove_tree(fs::path(own).parent_path());
  expect_no_start(StartStatus::other, "configuration");
  configure();
  adopt();
  expect_served_with_own();
}

TEST_F(BrokerConfiguration, that_was_kept_is_of_no_use_when_it_is_missing_malformed_or_unsafe_itself) {
  const std::string good = serve_once();
  configure("unknown = 1\n");
  const auto refuse = [] { expect_no_start(StartStatus::other, "configuration"); };
  write_file(kept, good + "unknown = 2\n", 0600);
  refuse();
  write_file(kept, good, 0602);
  refuse();
  write_file(kept, good, 0600, u1);
  refuse();
  write_file("/run/good", good, 0600);
  fs::remove(kept);
  fs::create_symlink("/run/good", kept);
  refuse();
  fs::remove(kept);
  refuse();
  write_file(kept, good, 0600);
  expect_served_with_kept(good, ":4:1: unknown key \"unknown\"");
}

TEST_F(BrokerConfiguration, that_was_kept_for_another_installation_is_not_used) {
  const std::string good = serve_once();
  configure("unknown = 1\n");
  fs::rename(std::string(paths::installations) + "/test.toml", std::string(paths::installations) + "/other.toml");
  expect_no_start(StartStatus::other, "configuration");
  adopt();
  fs::remove(std::string(paths::installations) + "/other.toml");
  expect_served_with_kept(good, ":4:1: unknown key \"unknown\"");
}

// Which installation it is, and so which one is kept, is said by the records, which are in the same directory.
TEST_F(BrokerConfiguration, in_a_directory_that_others_could_have_written_is_refused_whatever_was_kept) {
  (void)serve_once();
  const std::string directory = fs::path(own).parent_path();
  ASSERT_EQ(::chmod(directory.c_str(), 0757), 0);
  expect_no_start(StartStatus::other, "configuration");
  ASSERT_EQ(::chmod(directory.c_str(), 0755), 0);
  expect_served_with_own();
}

TEST_F(BrokerConfiguration, is_not_kept_by_a_start_that_did_not_get_to_serve) {
  const std::string good = serve_once();
  fs::remove(server_in());
  make_directory(server_in());
  configure("idle_timeout_s = 100\n");
  expect_no_start(StartStatus::directory, "name-is-a-directory");
  EXPECT_EQ(read_file(kept), good);
  fs::remove(server_in());
  expect_served_with_own();
}

TEST_F(BrokerConfiguration, that_a_running_broker_has_read_stays_in_force_until_it_ends) {
  const pid_t broker = serve();
  const std::string good = read_file(own);
  configure("idle_timeout_s = 100\n");
  EXPECT_EQ(serve(second_user), broker);
  EXPECT_EQ(read_file(kept), good) << "nothing was started with the new one";
  ASSERT_EQ(::kill(broker, SIGHUP), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  EXPECT_EQ(wait_for_events(2).back().at("event"), "ended");
  expect_served_with_own();
}

TEST_F(BrokerConfiguration, that_asks_for_a_log_which_cannot_be_had_leaves_the_kept_one_in_force) {
  (void)serve();
  end_broker();
  const std::string good = read_file(own);
  make_directory("/mnt/test/anybodys", 0777);
  configure("log_directory = '/mnt/test/anybodys'\n");
  expect_served_with_kept(good, ": log_directory: /mnt/test/anybodys/test: writable-by-others");
  EXPECT_TRUE(fs::is_empty("/mnt/test/anybodys")) << "made before it was looked at";
  // Without one that was kept it is an error, and so where that one asks for the same.
  fs::remove(kept);
  expect_no_start(StartStatus::other, "log-directory");
  write_file(kept, read_file(own), 0600);
  expect_no_start(StartStatus::other, "log-directory");
  fs::remove(kept);
  // Nothing is made through a link either.
  make_directory("/mnt/test/victim");
  fs::create_symlink("/mnt/test/victim", "/mnt/test/anybodys/link");
  configure("log_directory = '/mnt/test/anybodys/link'\n");
  expect_no_start(StartStatus::other, "log-directory");
  configure("log_directory = '/mnt/test/anybodys/new'\n");
  expect_no_start(StartStatus::other, "log-directory");
  EXPECT_TRUE(fs::is_empty("/mnt/test/victim"));
  fs::remove("/mnt/test/anybodys/link");
  EXPECT_TRUE(fs::is_empty("/mnt/test/anybodys"));
  configure("log_directory = '/mnt/test/anybodys'\n");
  // The control.
  ASSERT_EQ(::chmod("/mnt/test/anybodys", 0755), 0);
  (void)serve();
  EXPECT_TRUE(eventually([] { return exists("/mnt/test/anybodys/test/gtm_secshr_log"); }));
}

TEST_F(BrokerConfiguration, that_cannot_be_kept_is_served_all_the_same_and_that_is_said) {
  make_directory(kept);
  (void)serve();
  expect_serving();
  const auto found = wait_for_events(2);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].at("event"), "configuration-not-kept");
  EXPECT_EQ(found[1].at("detail"), "configuration: Is a directory");
  end_broker();
  fs::remove(kept);
  expect_served_with_own();
}

TEST_F(BrokerConfiguration, that_is_refused_is_told_in_one_line_whatever_it_says) {
  (void)serve_once();
  configure("\"key\\n\\u001b[31m%s" + std::string(2000, 'k') + "\" = 1\n");
  (void)serve();
  const auto lines = system_log();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("reason=configuration detail=in_force=kept cause=\"" + own + ":4:1: unknown key"))
      << lines[0];
  const auto found = wait_for_events(2);
  ASSERT_GE(found.size(), 2U);
  EXPECT_EQ(found.back().at("event"), "configuration-refused");
}

}  // namespace
}  // namespace secshr::test
