// Which file a configuration is taken from: one of root's alone, with every directory above it.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "installation/configuration.h"
#include "installation/limits.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

constexpr uid_t somebody = 71001;
constexpr gid_t their_group = 72001;
const std::string ids = "broker_uid = 101\nlooker_uid = 102\nwriter_uid = 103\n";
const std::string top = "/mnt/test/etc";
const std::string directory = top + "/secshr";
const std::string file = directory + "/secshr.toml";

class ConfigurationFile : public PrivateWorldTest {
 protected:
  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) write_file(file, ids);
  }
  static std::string judge(const std::string& path = file) {
    const auto configuration = load_configuration(path.c_str());
    if (configuration) return "accepted";
    EXPECT_EQ(configuration.error().is_missing, configuration.error().what == "does not exist");
    return to_string(configuration.error());
  }
  static std::string unsafe(const std::string& why, const std::string& path = file) {
    return path + ": must be root's alone, with every directory above it (" + why + ")";
  }
};

TEST_F(ConfigurationFile, is_accepted_in_whatever_mode_keeps_others_from_writing) {
  for (const mode_t mode : {0644U, 0600U, 0640U, 0400U, 0444U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(judge(), "accepted") << std::oct << mode;
  }
}

TEST_F(ConfigurationFile, is_refused_when_others_could_have_written_it) {
  for (const mode_t mode : {0664U, 0646U, 0620U, 0602U, 01666U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(judge(), unsafe("writable-by-others")) << std::oct << mode;
  }
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_EQ(::chown(file.c_str(), somebody, 0), 0);
  EXPECT_EQ(judge(), unsafe("not-root-owned"));
  // That a group has it, and may not write to it, does no harm.
  ASSERT_EQ(::chown(file.c_str(), 0, their_group), 0);
  EXPECT_EQ(judge(), "accepted");
}

TEST_F(ConfigurationFile, is_refused_when_others_could_have_written_any_directory_above_it) {
  for (const std::string& above : {directory, top, std::string("/mnt/test"), std::string("/mnt")}) {
    SCOPED_TRACE(above);
    for (const mode_t mode : {0775U, 0757U, 0777U}) {
      ASSERT_EQ(::chmod(above.c_str(), mode), 0);
      EXPECT_EQ(judge(), unsafe("writable-by-others")) << std::oct << mode;
    }
    ASSERT_EQ(::chmod(above.c_str(), 0755), 0);
    ASSERT_EQ(::chown(above.c_str(), somebody, 0), 0);
    EXPECT_EQ(judge(), unsafe("not-root-owned"));
    ASSERT_EQ(::chown(above.c_str(), 0, 0), 0);
    EXPECT_EQ(judge(), "accepted") << "the control";
  }
  // The sticky bit keeps others from taking a directory of root's away, but not from linking a file of root's there.
  ASSERT_EQ(::chmod(top.c_str(), 01777), 0);
  EXPECT_EQ(judge(), "accepted");
  ASSERT_EQ(::chmod(top.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(directory.c_str(), 01777), 0);
  EXPECT_EQ(judge(), unsafe("writable-by-others"));
}

TEST_F(ConfigurationFile, is_refused_when_a_link_leads_to_it) {
  const std::string link = directory + "/link.toml";
  std::filesystem::create_symlink(file, link);
  EXPECT_EQ(judge(link), unsafe("symbolic-link", link));
  std::filesystem::create_symlink(directory, top + "/link");
  EXPECT_EQ(judge(top + "/link/secshr.toml"), unsafe("symbolic-link", top + "/link/secshr.toml"));
}

TEST_F(ConfigurationFile, is_refused_when_it_is_no_regular_file_and_nobody_waits_for_it) {
  const std::string fifo = directory + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0644), 0);
  EXPECT_EQ(judge(fifo), unsafe("wrong-type", fifo));
  EXPECT_EQ(judge(directory), directory + ": is not a regular file");
  EXPECT_EQ(judge("/dev/null"), unsafe("wrong-type", "/dev/null"));
}

TEST_F(ConfigurationFile, is_missing_only_when_it_is_not_there) {
  EXPECT_EQ(judge(directory + "/none.toml"), directory + "/none.toml: does not exist");
  EXPECT_EQ(judge(top + "/none/secshr.toml"), top + "/none/secshr.toml: does not exist");
  EXPECT_EQ(judge(file + "/none"), unsafe("wrong-type", file + "/none"));
}

TEST_F(ConfigurationFile, is_refused_when_it_is_too_large) {
  const std::string longest = ids + "#" + std::string(limits::configuration_file_bytes - ids.size() - 1, 'x');
  write_file(file, longest);
  EXPECT_EQ(judge(), "accepted");
  write_file(file, longest + "x");
  EXPECT_EQ(judge(), file + ": is larger than 65536 bytes");
}

}  // namespace
}  // namespace secshr::test
