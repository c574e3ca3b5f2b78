// Finding a group's number by its name, in files as they are found on machines.
#include "installation/group_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace secshr {
namespace {

class GroupFile : public testing::Test {
 protected:
  void SetUp() override {
    const int file = ::mkstemp(path_.data());
    ASSERT_GE(file, 0);
    (void)::close(file);
  }
  void TearDown() override { (void)::unlink(path_.c_str()); }
  std::optional<gid_t> find(const std::string& contents, const std::string& name) {
    std::ofstream(path_, std::ios::binary) << contents;
    return find_group(path_.c_str(), name);
  }

 private:
  std::string path_ = testing::TempDir() + "secshr-group-XXXXXX";
};

TEST_F(GroupFile, finds_a_group_by_its_whole_name) {
  const std::string groups = "root:x:0:\ngtm:x:50:anna,bert\ngtm2:x:51:\n";
  EXPECT_EQ(find(groups, "root"), 0U);
  EXPECT_EQ(find(groups, "gtm"), 50U);
  EXPECT_EQ(find(groups, "gtm2"), 51U);
  for (const char* const name : {"gt", "gtm3", "GTM", "", "anna", "50", "x", "gtm:x", "gtm:x:50:anna,bert", " gtm"}) {
    EXPECT_EQ(find(groups, name), std::nullopt) << name;
  }
}

TEST_F(GroupFile, takes_the_first_of_two) {
  EXPECT_EQ(find("gtm:x:50:\ngtm:x:51:\n", "gtm"), 50U);
}

TEST_F(GroupFile, goes_on_after_lines_that_are_none) {
  EXPECT_EQ(find("# gtm:x:1:\n\nnonsense\ngtm:x:two:\ngtm:x\ngtm:x:50:", "gtm"), 50U);
}

// Which glibc reads with its last digit twice, where a blank begins it.
TEST_F(GroupFile, reads_a_last_line_that_no_newline_ends) {
  EXPECT_EQ(find("gtm:x:49", "gtm"), 49U);
  EXPECT_EQ(find(" gtm:x:49", "gtm"), 49U);
  EXPECT_EQ(find("root:x:0:\n\tgtm:x:49", "gtm"), 49U);
}

// Of what is meant for name services glibc makes group 0.
TEST_F(GroupFile, knows_no_group_that_stands_for_a_name_service) {
  const std::string groups = "+\n+:::\n+gtm:::\n-gtm:::\ngtm:x:50:\n";
  for (const char* const name : {"+", "+gtm", "-gtm", "-"}) EXPECT_EQ(find(groups, name), std::nullopt) << name;
  EXPECT_EQ(find(groups, "gtm"), 50U);
}

TEST_F(GroupFile, takes_numbers_up_to_the_limit) {
  EXPECT_EQ(find("gtm:x:4294967294:\n", "gtm"), 4294967294U);
  EXPECT_EQ(find("gtm:x:4294967295:\n", "gtm"), std::nullopt);
  EXPECT_EQ(find("gtm:x:4294967296:\n", "gtm"), std::nullopt);
  EXPECT_EQ(find("gtm:x:-1:\n", "gtm"), std::nullopt);
}

TEST_F(GroupFile, reads_a_group_of_many_members_and_those_after_it) {
  std::string many = "many:x:49:";
  for (int member = 0; member < 20000; ++member) many += "member" + std::to_string(member) + ",";
  EXPECT_EQ(find(many + "last\ngtm:x:50:\n", "gtm"), 50U);
  EXPECT_EQ(find(many + "last\ngtm:x:50:\n", "many"), 49U);
}

TEST_F(GroupFile, finds_nothing_where_there_is_no_file) {
  EXPECT_EQ(find_group("/nonexistent/group", "root"), std::nullopt);
  EXPECT_EQ(find_group("/dev/null", "root"), std::nullopt);
  EXPECT_EQ(find_group(group_file, "root"), 0U) << "the control";
}

}  // namespace
}  // namespace secshr
