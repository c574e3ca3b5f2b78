// secshrctl lockdown where something is in its way: whoever can be renewed is, and what could not be is said.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "system/descriptor.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class LockdownFaults : public AdminTest {
 protected:
  static bool is_on() { return std::filesystem::exists(paths::lockdown); }
};

TEST_F(LockdownFaults, one_that_cannot_be_ended_keeps_no_other_from_being) {
  install_built("tests/lock_holder", "/mnt/test/other", 0755);
  Running first = hold_lock("/mnt/test/other", "another");
  Running second = hold_lock(paths::broker, "gtm");
  EXPECT_EQ(run({"lockdown", "on"}), 4);
  EXPECT_TRUE(is_on());
  EXPECT_TRUE(said().contains("gtm: the broker has ended")) << said();
  EXPECT_TRUE(complaint().contains("NOT YET IN FORCE: another: ")) << complaint();
  EXPECT_TRUE(runs(first.pid())) << "it is no broker";
  EXPECT_FALSE(runs(second.pid()));
  ASSERT_EQ(kill(first.pid(), SIGKILL), 0);
  (void)first.wait();
  EXPECT_EQ(run({"lockdown", "on"}), 0) << "the control: " << complaint();
  EXPECT_EQ(second.wait().ending, killed_by(SIGTERM));
}

TEST_F(LockdownFaults, a_start_that_does_not_end_keeps_no_broker_running) {
  Running broker = hold_lock(paths::broker, "gtm");
  const Descriptor lock(open((std::string(paths::run) + "/gtm/lock").c_str(), O_RDWR | O_CLOEXEC));
  struct flock turn{};
  turn.l_type = F_WRLCK;
  turn.l_whence = SEEK_SET;
  turn.l_start = 1;
  turn.l_len = 1;
  ASSERT_EQ(fcntl(lock.get(), F_SETLK, &turn), 0);
  EXPECT_EQ(run({"lockdown", "on"}), 4);
  EXPECT_TRUE(complaint().contains("a start does not come to an end")) << complaint();
  EXPECT_FALSE(runs(broker.pid()));
  EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
}

TEST_F(LockdownFaults, a_broker_whose_record_is_gone_or_spoilt_ends_too) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  for (const bool spoilt : {true, false}) {
    SCOPED_TRACE(spoilt);
    if (spoilt) {
      write_file(record, "profile = ");
    } else {
      std::filesystem::remove(record);
    }
    Running broker = hold_lock(paths::broker, "gtm");
    EXPECT_EQ(run({"lockdown", "on"}), 0) << complaint();
    EXPECT_FALSE(runs(broker.pid()));
    EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
  }
}

// Else one could report a lockdown that the other has just taken back with its own failure.
TEST_F(LockdownFaults, two_are_not_at_work_at_a_time) {
  ASSERT_EQ(run({"lockdown", "off"}), 0) << complaint();
  const Descriptor lock(
      open((std::string(paths::run) + "/.secshrctl.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(run({"lockdown", "on"}), 1);
  EXPECT_TRUE(complaint().contains("another secshrctl is at work")) << complaint();
  EXPECT_FALSE(is_on());
  ASSERT_EQ(flock(lock.get(), LOCK_UN), 0);
  ASSERT_EQ(run({"lockdown", "on"}), 0) << "the control: " << complaint();
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(run({"lockdown", "off"}), 1);
  EXPECT_TRUE(is_on());
}

TEST_F(LockdownFaults, what_an_option_could_not_mean_is_a_usage_error) {
  EXPECT_EQ(run({"lockdown", "--group", "0"}), 2);
  EXPECT_EQ(run({"lockdown", "off", "--group", "0"}), 2);
  EXPECT_EQ(run({"lockdown", "on", "--json"}), 2);
  EXPECT_FALSE(is_on());
  EXPECT_EQ(run({"status", "--interval", "3"}), 2);
}

}  // namespace
}  // namespace secshr::test
