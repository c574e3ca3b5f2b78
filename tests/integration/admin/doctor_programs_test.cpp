// secshrctl doctor on programs and installations that were damaged in one way each. The control of every case is the
// fixture's: before the damage, and after the command that the finding comes with, nothing is found.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/integration/admin/doctor_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class DoctorPrograms : public DoctorTest {
 protected:
  static void own(const std::string& path, uid_t uid = 1234) {
    ASSERT_EQ(::lchown(path.c_str(), uid, static_cast<gid_t>(-1)), 0) << path;
  }
  static void change(const std::string& path, mode_t mode) { ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path; }
  // A mount of its own, with that flag.
  static void mount_with(const std::string& directory, unsigned long flag) {
    ASSERT_EQ(::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount(nullptr, directory.c_str(), nullptr, MS_REMOUNT | MS_BIND | flag, nullptr), 0);
  }
};

TEST_F(DoctorPrograms, wrapper_that_is_not_installed) {
  fs::rename(paths::wrapper, "/usr/libexec/secshr/aside");
  (void)expect_findings({{"wrapper.missing", paths::wrapper}}, "error");
  fs::rename("/usr/libexec/secshr/aside", paths::wrapper);
  expect_healthy();
}

TEST_F(DoctorPrograms, directory_in_the_place_of_the_wrapper) {
  fs::rename(paths::wrapper, "/usr/libexec/secshr/aside");
  make_directory(paths::wrapper);
  (void)expect_findings({{"wrapper.missing", paths::wrapper}}, "error");
}

TEST_F(DoctorPrograms, installed_wrapper_of_another_owner) {
  own(paths::wrapper);
  expect_mendable({{"wrapper.owner", paths::wrapper}}, "error");
}

TEST_F(DoctorPrograms, installed_wrapper_that_its_group_may_write) {
  change(paths::wrapper, 0775);
  expect_mendable({{"wrapper.mode", paths::wrapper}}, "error");
}

TEST_F(DoctorPrograms, installed_wrapper_with_a_setuid_bit) {
  change(paths::wrapper, 04755);
  expect_mendable({{"wrapper.setuid", paths::wrapper}}, "warning");
}

TEST_F(DoctorPrograms, broker_that_is_not_installed) {
  fs::rename(paths::broker, "/usr/libexec/secshr/aside");
  // What runs is known by its path, which another one now has.
  (void)expect_findings({{"broker.missing", paths::broker}}, "error");
}

TEST_F(DoctorPrograms, broker_of_another_owner) {
  own(paths::broker);
  expect_mendable({{"broker.owner", paths::broker}}, "error");
}

TEST_F(DoctorPrograms, broker_that_others_may_write) {
  change(paths::broker, 0757);
  expect_mendable({{"broker.mode", paths::broker}}, "error");
}

TEST_F(DoctorPrograms, broker_with_a_setuid_bit) {
  change(paths::broker, 04755);
  expect_mendable({{"broker.mode", paths::broker}}, "error");
}

TEST_F(DoctorPrograms, broker_on_a_file_system_without_programs) {
  const std::string directory = fs::path(paths::broker).parent_path();
  mount_with(directory, MS_NOEXEC);
  const auto shown = expect_findings({{"broker.noexec", paths::broker}}, "error");
  EXPECT_EQ(command_of(shown, "broker.noexec"), "mount -o remount,exec " + directory);
  ASSERT_EQ(::umount2(directory.c_str(), MNT_DETACH), 0);
  expect_healthy();
}

TEST_F(DoctorPrograms, adopted_wrapper_of_another_owner) {
  own(helper);
  // What it is and may is looked at when it is root's again.
  expect_mendable({{"wrapper.owner", helper}}, "error");
}

TEST_F(DoctorPrograms, adopted_wrapper_that_others_may_write) {
  change(helper, 04757);
  expect_mendable({{"wrapper.mode", helper}}, "error");
}

TEST_F(DoctorPrograms, adopted_wrapper_without_a_setuid_bit) {
  change(helper, 0755);
  expect_mendable({{"wrapper.setuid", helper}}, "error");
}

TEST_F(DoctorPrograms, adopted_wrapper_with_another_mode_than_the_original) {
  change(helper, 04711);
  expect_mendable({{"wrapper.mode", helper}}, "warning");
}

TEST_F(DoctorPrograms, adopted_wrapper_that_is_gone) {
  fs::remove(helper);
  const auto shown = expect_findings({{"wrapper.missing", helper}}, "error");
  EXPECT_EQ(command_of(shown, "wrapper.missing"), "secshrctl adopt " + distribution);
}

TEST_F(DoctorPrograms, installation_that_was_upgraded_over_the_wrapper) {
  // By the same release, which is the one that was kept, and by a new one.
  for (const std::string& contents : {stock_helper, stock_helper + " of a new release"}) {
    write_file(helper, contents, 04755);
    fs::remove(utf8_helper);
    fs::create_hard_link(helper, utf8_helper);
    expect_mendable({{"wrapper.foreign", helper}}, "error");
    EXPECT_EQ(read_file(original), contents);
  }
}

TEST_F(DoctorPrograms, adopted_wrapper_of_another_version) {
  write_file(paths::wrapper, read_file(paths::wrapper) + "newer", 0755);
  expect_mendable({{"wrapper.version", helper}}, "warning");
}

TEST_F(DoctorPrograms, helper_of_its_own_in_utf8_mode) {
  fs::remove(utf8_helper);
  write_file(utf8_helper, stock_helper, 04755);
  expect_mendable({{"wrapper.utf8", utf8_helper}}, "error");
}

TEST_F(DoctorPrograms, wrapper_on_a_file_system_without_setuid_programs) {
  mount_with(distribution, MS_NOSUID);
  const auto shown = expect_findings({{"wrapper.nosuid", helper}}, "error");
  EXPECT_EQ(command_of(shown, "wrapper.nosuid"), "mount -o remount,suid " + distribution);
  ASSERT_EQ(::umount2(distribution.c_str(), MNT_DETACH), 0);
  expect_healthy();
}

TEST_F(DoctorPrograms, wrapper_on_a_file_system_without_programs) {
  mount_with(distribution, MS_NOEXEC);
  (void)expect_findings({{"wrapper.noexec", helper}}, "error");
  mend();
  ASSERT_EQ(::umount2(distribution.c_str(), MNT_DETACH), 0);
}

TEST_F(DoctorPrograms, original_that_is_gone) {
  fs::remove(original);
  const auto shown = expect_findings({{"original.missing", original}}, "warning");
  EXPECT_TRUE(shown["findings"][0]["command"].is_null()) << "nobody knows where it came from";
  write_file(packages + "/info/gtm:amd64.list", "/.\n" + helper + "\n");
  write_file(packages + "/diversions", helper + "\n" + helper + ".stock\n:\n");
  EXPECT_EQ(command_of(examine(), "original.missing"),
            "apt-get install --reinstall gtm:amd64 && secshrctl adopt " + distribution);
}

TEST_F(DoctorPrograms, original_that_can_still_become_root) {
  change(original, 04755);
  expect_mendable({{"original.setuid", original}}, "error");
}

TEST_F(DoctorPrograms, helper_behind_the_original_that_others_may_execute) {
  const std::string inner = distribution + "/gtmsecshrdir/gtmsecshr";
  const std::string inner_of_utf8 = distribution + "/utf8/gtmsecshrdir/gtmsecshr";
  // As packages have it: root's alone to execute.
  write_file(inner, stock_helper, 04500);
  write_file(inner_of_utf8, stock_helper, 04500);
  expect_healthy();
  change(inner, 04510);
  expect_mendable({{"original.setuid", inner}}, "error");
  change(inner_of_utf8, 04501);
  expect_mendable({{"original.setuid", inner_of_utf8}}, "error");
}

TEST_F(DoctorPrograms, helper_that_an_upgrade_put_where_packages_are_diverted_to) {
  write_file(packages + "/diversions", helper + "\n" + helper + ".stock\n:\n");
  write_file(helper + ".stock", stock_helper, 0755);
  expect_healthy();
  write_file(helper + ".stock", stock_helper, 04755);
  expect_mendable({{"original.setuid", helper + ".stock"}}, "error");
}

TEST_F(DoctorPrograms, wrapper_in_the_place_of_a_packages_file_that_is_not_diverted) {
  // Another file of that name, and another name that begins so.
  write_file(packages + "/info/other.list", "/opt" + helper + "\n" + helper + "dir\n");
  expect_healthy();
  write_file(packages + "/info/gtm:amd64.list", "/.\n/mnt\n" + helper + "\n" + utf8_helper + "\n");
  const auto shown = expect_findings({{"wrapper.diversion", helper}}, "warning");
  EXPECT_NE(shown["findings"][0]["reason"].dump().find("gtm:amd64"), std::string::npos) << shown;
  EXPECT_EQ(command_of(shown, "wrapper.diversion"), "secshrctl adopt " + distribution);
  write_file(packages + "/diversions", helper + "dir\n/elsewhere\n:\n");
  (void)expect_findings({{"wrapper.diversion", helper}}, "warning");
  write_file(packages + "/diversions", helper + "dir\n/elsewhere\n:\n" + helper + "\n" + helper + ".stock\n:\n");
  expect_healthy();
}

TEST_F(DoctorPrograms, directory_of_the_installation_of_another_owner) {
  adopt_second();
  own("/mnt/test/opt");
  expect_mendable({{"path.owner", "/mnt/test/opt"}}, "error");
}

TEST_F(DoctorPrograms, directory_on_the_way_that_others_may_write) {
  adopt_second();
  change("/mnt/test/opt", 0777);
  expect_mendable({{"path.mode", "/mnt/test/opt"}}, "error");
  // Nobody takes a directory of root's out of a sticky one.
  change("/mnt/test/opt", 01777);
  expect_healthy();
}

TEST_F(DoctorPrograms, directory_of_the_installation_that_others_may_write) {
  adopt_second();
  change(second, 01775);
  // A file can be put in place of a file even there.
  expect_mendable({{"path.mode", second}}, "error");
}

TEST_F(DoctorPrograms, link_on_the_way) {
  adopt_second();
  fs::rename("/mnt/test/opt", "/mnt/test/real");
  fs::create_directory_symlink("/mnt/test/real", "/mnt/test/opt");
  const auto shown = expect_findings({{"path.link", "/mnt/test/opt"}}, "error");
  EXPECT_TRUE(shown["findings"][0]["command"].is_null()) << shown;
  fs::remove("/mnt/test/opt");
  fs::rename("/mnt/test/real", "/mnt/test/opt");
  expect_healthy();
}

}  // namespace
}  // namespace secshr::test
