// secshrctl restore: the installation is as it was before it was adopted, and nothing of secshr is left in it.
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class Restore : public AdminTest {
 protected:
  void SetUp() override {
    AdminTest::SetUp();
    SECSHR_REQUIRES_PRIVATE_WORLD();
    stock_ = snapshot();
    ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
    ASSERT_NE(snapshot(), stock_);
  }

  std::string stock_;
};

TEST_F(Restore, gives_back_the_very_same_files) {
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(complaint(), "");
  EXPECT_EQ(snapshot(), stock_);
}

TEST_F(Restore, changes_nothing_the_second_time) {
  ASSERT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_NE(said().find("nothing to restore"), std::string::npos) << said();
  EXPECT_EQ(snapshot(), stock_);
}

TEST_F(Restore, finishes_what_a_killed_run_began) {
  std::filesystem::permissions(original, std::filesystem::perms::set_uid, std::filesystem::perm_options::add);
  std::filesystem::rename(original, helper);  // utf8/gtmsecshr is still ours
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(snapshot(), stock_);
}

TEST_F(Restore, undoes_an_adopt_that_was_killed_before_the_switch) {
  ASSERT_EQ(run({"restore", distribution}), 0) << complaint();
  std::filesystem::create_hard_link(helper, original);
  write_file(distribution + "/.gtmsecshr.secshr-new", "half a wrapper", 0600);
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(snapshot(), stock_);
}

TEST_F(Restore, refuses_without_the_original_and_touches_nothing) {
  std::filesystem::remove(original);
  const std::string before = snapshot();
  EXPECT_EQ(run({"restore", distribution}), 1);
  EXPECT_NE(complaint().find("reinstall"), std::string::npos) << complaint();
  EXPECT_EQ(snapshot(), before);
}

TEST_F(Restore, keeps_a_helper_that_was_upgraded_meanwhile) {
  write_file(helper, "an upgraded stock helper", 04755);
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(read_file(helper), "an upgraded stock helper");
  EXPECT_EQ(status_of(utf8_helper).st_ino, status_of(helper).st_ino);
  EXPECT_EQ(read_file(original), stock_helper) << "not ours to throw away";
  EXPECT_FALSE(exists(record));
}

TEST_F(Restore, forgets_an_installation_that_is_gone) {
  remove_tree(distribution);
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_FALSE(exists(record));
  EXPECT_EQ(run({"restore", distribution}), 1) << said();
}

TEST_F(Restore, says_so_where_the_record_cannot_be_told) {
  write_file(record, "profile = ");
  EXPECT_EQ(run({"restore", distribution}), 1);
  EXPECT_EQ(read_file(helper), stock_helper) << "put back all the same";
  EXPECT_NE(complaint().find("no readable record"), std::string::npos) << complaint();
}

TEST_F(Restore, ends_the_running_broker_and_its_directory) {
  Running broker = hold_lock(paths::broker, "gtm");
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
  EXPECT_FALSE(exists("/run/secshr/gtm"));
  EXPECT_EQ(snapshot(), stock_);
}

TEST_F(Restore, ends_a_broker_whose_program_was_upgraded) {
  Running broker = hold_lock(paths::broker, "gtm");
  install_built("tests/lock_holder", paths::broker, 0755);
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
}

// Whoever holds the lock without being a broker is not sent signals.
TEST_F(Restore, signals_nothing_but_a_broker) {
  install_built("tests/lock_holder", "/mnt/test/other", 0755);
  Running other = hold_lock("/mnt/test/other", "gtm");
  EXPECT_EQ(run({"restore", distribution}), 1);
  EXPECT_NE(complaint().find("which is not"), std::string::npos) << complaint();
  EXPECT_TRUE(runs(other.pid()));
  EXPECT_EQ(read_file(helper), stock_helper);

  ASSERT_EQ(kill(other.pid(), SIGKILL), 0);
  (void)other.wait();
  EXPECT_EQ(run({"restore", distribution}), 0) << "what was left undone: " << complaint();
  EXPECT_EQ(snapshot(), stock_);
}

TEST_F(Restore, leaves_the_other_installations_alone) {
  make_installation("/mnt/test/more");
  ASSERT_EQ(run({"adopt", "/mnt/test/more"}), 0) << complaint();
  Running broker = hold_lock(paths::broker, "more");
  EXPECT_EQ(run({"restore", distribution}), 0) << complaint();
  EXPECT_TRUE(runs(broker.pid()));
  EXPECT_TRUE(exists(std::string(paths::installations) + "/more.toml"));
  EXPECT_EQ(read_file("/mnt/test/more/gtmsecshr"), read_file(paths::wrapper));
}

TEST_F(Restore, is_roots_alone) {
  const std::string before = snapshot();
  EXPECT_EQ(run_unprivileged({"restore", distribution}), 4);
  EXPECT_EQ(snapshot(), before);
}

}  // namespace
}  // namespace secshr::test
