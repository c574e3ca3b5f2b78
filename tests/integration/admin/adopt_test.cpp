// secshrctl adopt: the installation is adopted whole, or it is as it was.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "installation/installation.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class Adopt : public AdminTest {
 protected:
  void SetUp() override {
    AdminTest::SetUp();
    SECSHR_REQUIRES_PRIVATE_WORLD();
    before_ = snapshot();
  }
  void expect_refused_and_unchanged(const std::vector<std::string>& arguments, const std::string& why,
                                    int status = 1) {
    before_ = snapshot();
    EXPECT_EQ(run(arguments), status) << said();
    EXPECT_NE(complaint().find(why), std::string::npos) << complaint();
    EXPECT_EQ(snapshot(), before_);
  }
  void expect_adopted() {
    EXPECT_EQ(read_file(helper), read_file(paths::wrapper));
    EXPECT_EQ(status_of(helper).st_mode, S_IFREG | 04755U);
    EXPECT_EQ(status_of(helper).st_uid, 0U);
    EXPECT_EQ(status_of(helper).st_gid, 0U);
    EXPECT_EQ(status_of(helper).st_nlink, 2U);
    EXPECT_EQ(status_of(utf8_helper).st_ino, status_of(helper).st_ino);
    EXPECT_NE(status_of(paths::wrapper).st_nlink, 2U) << "copied, never linked";
    EXPECT_EQ(read_file(original), stock_helper);
    EXPECT_EQ(status_of(original).st_nlink, 1U);
    const struct stat wrapper = status_of(helper);
    const auto found = find_installation(paths::installations, wrapper.st_dev, wrapper.st_ino);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->directory, distribution);
    EXPECT_EQ((*found)->communication_key, 0xb54536abU);
    EXPECT_EQ(status_of(record).st_mode, S_IFREG | 0644U);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(distribution)) {
      EXPECT_FALSE(entry.path().filename().native().starts_with(".")) << entry.path() << " is left over";
    }
  }

  std::string before_;
};

TEST_F(Adopt, puts_one_new_inode_in_both_places_and_keeps_the_original) {
  const struct stat stock = status_of(helper);
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_EQ(complaint(), "");
  expect_adopted();
  EXPECT_EQ(status_of(original).st_ino, stock.st_ino);
}

TEST_F(Adopt, changes_nothing_the_second_time) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  const std::string adopted = snapshot();
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_NE(said().find("already"), std::string::npos) << said();
  EXPECT_EQ(snapshot(), adopted);
}

// A setuid program is no less dangerous for being called ".secshr-original".
TEST_F(Adopt, leaves_no_way_around_the_wrapper) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_EQ(status_of(original).st_mode, S_IFREG | 0755U);
}

TEST_F(Adopt, renews_an_outdated_copy_as_a_new_inode) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  const struct stat outdated = status_of(helper);
  write_file(paths::wrapper, read_file(paths::wrapper) + "a newer version", 0755);
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  expect_adopted();
  EXPECT_NE(status_of(helper).st_ino, outdated.st_ino);
}

TEST_F(Adopt, never_lets_more_users_execute_than_before) {
  make_installation(distribution, 04750, 7);
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_EQ(status_of(helper).st_mode, S_IFREG | 04750U);
  EXPECT_EQ(status_of(helper).st_gid, 7U);
}

TEST_F(Adopt, finishes_what_a_killed_run_began) {
  std::filesystem::create_hard_link(helper, original);
  write_file(distribution + "/.gtmsecshr.secshr-new", "half a wrapper", 0600);
  write_file(distribution + "/.gtmsecshr.secshr-previous", "a previous one", 04755);
  write_file(distribution + "/utf8/.gtmsecshr.secshr-new", "half a wrapper", 0600);
  write_file(std::string(paths::installations) + "/.gtm.toml.secshr-new", "half a record", 0600);
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  expect_adopted();
}

TEST_F(Adopt, finishes_a_switch_that_left_the_utf8_name_behind) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  std::filesystem::permissions(original, std::filesystem::perms::set_uid, std::filesystem::perm_options::add);
  std::filesystem::remove(utf8_helper);
  std::filesystem::create_hard_link(original, utf8_helper);
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  expect_adopted();
  EXPECT_EQ(status_of(original).st_mode, S_IFREG | 0755U);
}

// The last step of the switch fails: the directory utf8 cannot be written.
TEST_F(Adopt, undoes_everything_when_a_step_fails) {
  const std::string utf8 = distribution + "/utf8";
  ASSERT_EQ(mount(utf8.c_str(), utf8.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, utf8.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(run({"adopt", distribution}), 4) << said();
  ASSERT_EQ(umount(utf8.c_str()), 0);
  EXPECT_EQ(snapshot(), before_);
  EXPECT_EQ(run({"adopt", distribution}), 0) << "the control: " << complaint();
}

TEST_F(Adopt, refuses_where_the_wrapper_could_not_become_root) {
  ASSERT_EQ(mount(distribution.c_str(), distribution.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, distribution.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_NOSUID, nullptr), 0);
  expect_refused_and_unchanged({"adopt", distribution}, "nosuid", 4);
  ASSERT_EQ(umount(distribution.c_str()), 0);
}

TEST_F(Adopt, accepts_a_link_of_roots_and_records_what_it_leads_to) {
  std::filesystem::create_directory_symlink(distribution, "/mnt/test/current");
  EXPECT_EQ(run({"adopt", "/mnt/test/current", "--name", "gtm"}), 0) << complaint();
  expect_adopted();
}

TEST_F(Adopt, leaves_a_utf8_name_alone_that_follows_by_itself) {
  std::filesystem::remove(utf8_helper);
  std::filesystem::create_symlink("../gtmsecshr", utf8_helper);
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_TRUE(std::filesystem::is_symlink(utf8_helper));
  EXPECT_EQ(read_file(utf8_helper), read_file(paths::wrapper));
}

TEST_F(Adopt, needs_no_utf8_directory) {
  std::filesystem::remove_all(distribution + "/utf8");
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_EQ(status_of(helper).st_nlink, 1U);
}

TEST_F(Adopt, refuses_a_directory_that_another_user_could_have_written) {
  ASSERT_EQ(chown(distribution.c_str(), 3001, 0), 0);
  expect_refused_and_unchanged({"adopt", distribution}, "not-root-owned");
  ASSERT_EQ(chown(distribution.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(distribution.c_str(), 0775), 0);
  expect_refused_and_unchanged({"adopt", distribution}, "writable-by-others");
}

TEST_F(Adopt, refuses_what_is_no_working_installation) {
  expect_refused_and_unchanged({"adopt", "/mnt/test/nowhere"}, "No such file", 4);
  ASSERT_EQ(chmod(helper.c_str(), 0755), 0);
  expect_refused_and_unchanged({"adopt", distribution}, "is not setuid root");
  std::filesystem::remove(helper);
  expect_refused_and_unchanged({"adopt", distribution}, "is missing");
  make_installation(distribution);
  std::filesystem::remove(distribution + "/libgtmshr.so");
  expect_refused_and_unchanged({"adopt", distribution}, "is no installation of GT.M or YottaDB");
}

TEST_F(Adopt, refuses_an_unclear_release_and_takes_the_one_it_is_told) {
  write_file(distribution + "/libgtmshr.so", "no release");
  expect_refused_and_unchanged({"adopt", distribution}, "--release");
  expect_refused_and_unchanged({"adopt", distribution, "--release", "GT.M\n"}, "printable", 2);
  EXPECT_EQ(run({"adopt", distribution, "--release", "GT.M V7.0-005 Linux x86_64"}), 0) << complaint();
  expect_adopted();
}

TEST_F(Adopt, renames_no_installation_and_gives_no_name_twice) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  expect_refused_and_unchanged({"adopt", distribution, "--name", "other"}, "is adopted as gtm already");
  make_installation("/mnt/test/more/gtm");
  expect_refused_and_unchanged({"adopt", "/mnt/test/more/gtm"}, "say another with --name");
  expect_refused_and_unchanged({"adopt", "/mnt/test/more/gtm", "--name", "../gtm"}, "--name: must be", 2);
  EXPECT_EQ(run({"adopt", "/mnt/test/more/gtm", "--name", "more"}), 0) << complaint();
  expect_adopted();
}

TEST_F(Adopt, never_overwrites_a_kept_original_with_another) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  write_file(helper, "an upgraded stock helper", 04755);
  expect_refused_and_unchanged({"adopt", distribution}, "differs from");
  write_file(helper, stock_helper, 04755);
  EXPECT_EQ(run({"adopt", distribution}), 0) << "reinstalled, the same: " << complaint();
  expect_adopted();
}

TEST_F(Adopt, refuses_where_restore_would_have_nothing_to_put_back) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  std::filesystem::remove(original);
  expect_refused_and_unchanged({"adopt", distribution}, "nothing to put back");
  std::filesystem::create_hard_link(helper, original);
  expect_refused_and_unchanged({"adopt", distribution}, "is not the installation's own");
}

TEST_F(Adopt, does_not_replace_a_different_utf8_helper) {
  write_file(utf8_helper, "another program", 04755);
  expect_refused_and_unchanged({"adopt", distribution}, "would be lost");
}

TEST_F(Adopt, is_not_stopped_by_another_installations_broken_record) {
  write_file(std::string(paths::installations) + "/broken.toml", "profile = ");
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_NE(complaint().find("broken.toml:1:"), std::string::npos) << complaint();
  expect_adopted();
}

TEST_F(Adopt, does_not_overwrite_a_record_it_cannot_read) {
  write_file(record, "profile = ");
  expect_refused_and_unchanged({"adopt", distribution}, "mend or remove it");
}

TEST_F(Adopt, refuses_to_work_beside_another_run) {
  ASSERT_EQ(run({"status"}), 3);
  make_directory(paths::run);
  const Descriptor lock(open("/run/secshr/.secshrctl.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  expect_refused_and_unchanged({"adopt", distribution}, "another secshrctl");
  expect_refused_and_unchanged({"restore", distribution}, "another secshrctl");
}

TEST_F(Adopt, is_roots_alone) {
  EXPECT_EQ(run_unprivileged({"adopt", distribution}), 4);
  EXPECT_NE(complaint().find("as root"), std::string::npos) << complaint();
  EXPECT_EQ(snapshot(), before_);
}

TEST_F(Adopt, asks_the_running_broker_to_end_when_the_wrapper_is_renewed) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  Running broker = hold_lock(paths::broker, "gtm");
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_TRUE(runs(broker.pid())) << "the control: nothing was to be done";
  write_file(paths::wrapper, read_file(paths::wrapper) + "a newer version", 0755);
  EXPECT_EQ(run({"adopt", distribution}), 0) << complaint();
  EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
}

TEST_F(Adopt, warns_of_a_configuration_that_stops_the_broker) {
  write_file(paths::configuration, "broker_uid = 0\n");
  EXPECT_EQ(run({"adopt", distribution}), 0);
  EXPECT_NE(complaint().find("secshr.toml:1:14: broker_uid"), std::string::npos) << complaint();
}

}  // namespace
}  // namespace secshr::test
