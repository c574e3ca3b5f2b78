// `secshrctl lockdown`: all but administrators are refused, whatever they ask for, also by a broker that is started
// meanwhile or later.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "secshr_paths.h"
#include "tests/integration/held_start.h"
#include "tests/integration/targets_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string secshrctl = "/usr/bin/secshrctl";
constexpr gid_t administrators = 72900;
const Expected locked = refused(EPERM, "lockdown");

class BrokerLockdown : public BrokerTargets {
 protected:
  static Outcome lockdown(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"secshrctl", "lockdown"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_as(Identity{0, 0, {}}, {secshrctl, all, {}, {}});
  }
  static void lock() {
    const Outcome outcome = lockdown({"on", "--group", std::to_string(administrators)});
    ASSERT_EQ(outcome.ending, exited(0)) << outcome.errors;
    EXPECT_FALSE(lock_holder().has_value()) << "it ends the broker";
    (void)system_log();
  }
  void expect_locked_for(const Identity& identity) {
    const auto client = connect(identity);
    (void)expect_answer(*client, protocol::Ping{}, locked);
    for (const Target& target : targets_) {
      SCOPED_TRACE(target.what);
      (void)expect_answer(*client, target.request, locked);
    }
    expect_unchanged();
  }
  // Asks in the place of the ordinary client.
  void expect_served_for(const Identity& identity) {
    const auto client = connect(identity);
    (void)expect_answer(*client, protocol::Ping{}, served);
    for (const Target& target : targets_) {
      SCOPED_TRACE(target.what);
      (void)expect_answer(*client, target.request, served);
      EXPECT_TRUE(eventually([&] { return target.changed(); }));
    }
  }
};

TEST_F(BrokerLockdown, refuses_all_but_administrators_until_it_is_taken_back) {
  lock();
  (void)serve();
  EXPECT_EQ(events().back().at("event"), "lockdown");
  EXPECT_EQ(events().back().at("detail"), "only root and group 72900 are served");
  for (const Identity& member : {Identity{71990, administrators, {}}, Identity{71990, 72990, {g3, administrators}}}) {
    arrange();
    expect_locked_for(first_user);
    expect_locked_for({71991, 72991, {g2, g3}});
    expect_served_for(member);
  }
  const Outcome shown = lockdown({});
  EXPECT_EQ(shown.ending, exited(1));
  EXPECT_EQ(shown.output, "lockdown is on: only root and group 72900 are served\n");
  EXPECT_EQ(lockdown({"--json"}).output, "{\n  \"lockdown\": true,\n  \"group\": 72900,\n  \"fault\": null\n}\n");

  EXPECT_EQ(lockdown({"off"}).ending, exited(0));
  (void)serve();
  arrange();
  expect_each_can_be_changed();
  EXPECT_EQ(lockdown({}).ending, exited(0));
  EXPECT_EQ(lockdown({"--json"}).output, "{\n  \"lockdown\": false,\n  \"group\": null,\n  \"fault\": null\n}\n");
  (void)system_log();
}

TEST_F(BrokerLockdown, is_for_roots_group_where_none_is_named_and_survives_the_broker) {
  ASSERT_EQ(lockdown({"on"}).ending, exited(0));
  const pid_t first = serve();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  (void)serve();
  arrange();
  expect_locked_for({71990, administrators, {}});
  (void)expect_answer(*connect({71990, 0, {}}), protocol::Ping{}, served);
  (void)system_log();
}

TEST_F(BrokerLockdown, whose_file_says_nothing_that_can_be_read_is_for_root_alone) {
  const std::string file = paths::lockdown;
  const auto spoil = [&](const std::string& text, mode_t mode) {
    kill_other_processes();
    write_file(file, text, mode);
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    (void)serve();
    SCOPED_TRACE(events().back().at("detail"));
    EXPECT_EQ(events().back().at("event"), "lockdown");
    EXPECT_TRUE(events().back().at("detail").starts_with("only root and group 0 are served: "));
    (void)expect_answer(*connect({71990, administrators, {}}), protocol::Ping{}, locked);
    const Outcome shown = lockdown({});
    EXPECT_EQ(shown.ending, exited(1));
    EXPECT_TRUE(shown.output.starts_with("lockdown is on: only root and group 0 are served\n")) << shown.output;
  };
  const std::string sound = "group = 72900\n";
  spoil("", 0644);
  spoil("group = 'administrators'\n", 0644);
  spoil("group = -1\n", 0644);
  spoil(sound + "also = 1\n", 0644);
  spoil("group", 0644);
  spoil(sound, 0666);
  // The control.
  kill_other_processes();
  write_file(file, sound);
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  (void)serve();
  (void)expect_answer(*connect({71990, administrators, {}}), protocol::Ping{}, served);
}

TEST_F(BrokerLockdown, outruns_every_start_that_is_under_way) {
  const std::string marker = "/mnt/test/held";
  // One that has its turn has read already that there was none, and is a broker before it hears of another.
  for (const HoldBefore before : {HoldBefore::its_turn, HoldBefore::its_place}) {
    SCOPED_TRACE(before == HoldBefore::its_turn ? "before its turn" : "in its turn");
    kill_other_processes();
    const pid_t administrator = ::fork();
    if (administrator == 0) {
      while (!fs::exists(marker)) ::usleep(1000);
      ::_exit(lockdown({"on"}).ending == exited(0) ? 0 : 1);
    }
    EXPECT_EQ(run_held(first_user, start_command(), before,
                       [&](pid_t) {
                         write_file(marker, "");
                         ::usleep(300'000);
                       }),
              ending_of(StartStatus::serving));
    EXPECT_EQ(wait_for(administrator), exited(0));
    // Whoever serves now, it is locked.
    (void)serve();
    (void)expect_answer(*connect(first_user), protocol::Ping{}, locked);
    ASSERT_EQ(lockdown({"off"}).ending, exited(0));
    fs::remove(marker);
  }
  (void)system_log();
}

TEST_F(BrokerLockdown, is_an_administrators_with_a_group_that_there_is) {
  EXPECT_EQ(lockdown({"on", "--group", "no-such-group"}).ending, exited(2));
  EXPECT_EQ(lockdown({"sideways"}).ending, exited(2));
  EXPECT_FALSE(fs::exists(paths::lockdown));
  for (const char* const wished : {"on", "off"}) {
    EXPECT_EQ(
        as_user(first_user, [&] { return ::execl(secshrctl.c_str(), "secshrctl", "lockdown", wished, nullptr); }),
        exited(4));
  }
  EXPECT_FALSE(fs::exists(paths::lockdown));
}

}  // namespace
}  // namespace secshr::test
