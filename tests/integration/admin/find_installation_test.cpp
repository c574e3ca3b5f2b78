// Which installation a wrapper belongs to, decided on files that must be root's alone.
#include <unistd.h>

#include <filesystem>

#include "installation/configuration.h"
#include "installation/installation.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class FindInstallation : public AdminTest {
 protected:
  void SetUp() override {
    AdminTest::SetUp();
    SECSHR_REQUIRES_PRIVATE_WORLD();
    write_record("gtm", distribution);
  }
  static void write_record(const std::string& name, const std::string& directory) {
    write_file(std::string(paths::installations) + "/" + name + ".toml",
               "profile = 'gtm'\ndirectory = '" + directory +
                   "'\nrelease = 'GT.M V7.0-005 Linux x86_64'\ncommunication_key = 0xb54536ab\n");
  }
  // The name of the installation, "none", or "error: …".
  static std::string find(const std::string& wrapper) {
    const struct stat file = status_of(wrapper);
    const auto found = find_installation(paths::installations, file.st_dev, file.st_ino);
    if (!found) return "error: " + to_string(found.error());
    return *found ? (*found)->name : "none";
  }
};

TEST_F(FindInstallation, goes_by_the_file_and_not_by_its_name) {
  EXPECT_EQ(find(helper), "gtm");
  EXPECT_EQ(find(utf8_helper), "gtm") << "the same inode";
  std::filesystem::copy_file(helper, "/mnt/test/gtmsecshr");
  EXPECT_EQ(find("/mnt/test/gtmsecshr"), "none") << "a copy is another file";
}

TEST_F(FindInstallation, is_not_stopped_by_a_broken_record_unless_it_may_be_the_one) {
  write_file(std::string(paths::installations) + "/broken.toml", "profile = ");
  EXPECT_EQ(find(helper), "gtm");
  EXPECT_TRUE(find(paths::wrapper).starts_with("error: ")) << find(paths::wrapper);
  EXPECT_NE(find(paths::wrapper).find("broken.toml:1:"), std::string::npos);
}

TEST_F(FindInstallation, refuses_two_records_of_one_installation) {
  write_record("other", distribution);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
}

TEST_F(FindInstallation, does_not_match_in_a_directory_that_others_could_have_written) {
  ASSERT_EQ(chmod(distribution.c_str(), 0777), 0);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
  ASSERT_EQ(chmod(distribution.c_str(), 0755), 0);
  EXPECT_EQ(find(helper), "gtm") << "the control";
  ASSERT_EQ(chown("/mnt/test", 3001, 0), 0);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
}

TEST_F(FindInstallation, passes_over_an_installation_that_is_gone) {
  write_record("gone", "/mnt/test/gone");
  EXPECT_EQ(find(helper), "gtm");
  EXPECT_EQ(find(paths::wrapper), "none");
}

TEST_F(FindInstallation, trusts_no_record_that_others_could_have_written) {
  ASSERT_EQ(chmod(record.c_str(), 0664), 0);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
  ASSERT_EQ(chmod(record.c_str(), 0644), 0);
  ASSERT_EQ(chown(record.c_str(), 3001, 0), 0);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
  ASSERT_EQ(chown(record.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(paths::installations, 01777), 0);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
  ASSERT_EQ(chmod(paths::installations, 0755), 0);
  EXPECT_EQ(find(helper), "gtm") << "the control";
}

TEST_F(FindInstallation, does_not_follow_a_record_that_is_a_link_or_wait_for_one_that_is_a_fifo) {
  const std::string elsewhere = std::string(paths::installations) + "/elsewhere";
  std::filesystem::rename(record, elsewhere);
  std::filesystem::create_symlink(elsewhere, record);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
  std::filesystem::remove(record);
  ASSERT_EQ(mkfifo(record.c_str(), 0644), 0);
  EXPECT_TRUE(find(helper).starts_with("error: ")) << find(helper);
}

TEST_F(FindInstallation, reads_only_what_is_called_a_record) {
  const std::string directory = paths::installations;
  write_file(directory + "/gtm.toml.bak", "profile = ");
  write_file(directory + "/.half.toml", "profile = ");
  write_file(directory + "/README", "profile = ");
  EXPECT_TRUE(load_installations(paths::installations));
  write_file(directory + "/a b.toml", "profile = ");
  EXPECT_FALSE(load_installations(paths::installations));
}

TEST_F(FindInstallation, lists_the_records_by_name) {
  for (const char* const name : {"z", "A", "m"}) write_record(name, std::string("/opt/") + name);
  const auto installations = load_installations(paths::installations);
  ASSERT_TRUE(installations) << to_string(installations.error());
  std::string names;
  for (const Installation& installation : *installations) names += installation.name + " ";
  EXPECT_EQ(names, "A gtm m z ");
}

TEST_F(FindInstallation, loads_no_configuration_that_others_could_have_written) {
  EXPECT_TRUE(load_configuration(paths::configuration));
  ASSERT_EQ(chmod(paths::configuration, 0646), 0);
  EXPECT_FALSE(load_configuration(paths::configuration));
  ASSERT_EQ(chmod(paths::configuration, 0644), 0);
  ASSERT_EQ(chown(paths::configuration, 3001, 0), 0);
  EXPECT_FALSE(load_configuration(paths::configuration));
  ASSERT_EQ(chown(paths::configuration, 0, 0), 0);
  EXPECT_TRUE(load_configuration(paths::configuration)) << "the control";
}

}  // namespace
}  // namespace secshr::test
