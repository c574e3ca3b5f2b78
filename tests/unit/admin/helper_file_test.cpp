// Telling a copy of our wrapper from an installation's own gtmsecshr.
#include "admin/adoption/helper_file.h"

#include <gtest/gtest.h>

#include <string>

#include "secshr_paths.h"

namespace secshr::admin {
namespace {

TEST(HelperFile, is_ours_by_the_broker_it_executes_whatever_the_prefix) {
  EXPECT_TRUE(is_our_wrapper(std::string("\x7f") + "ELF" + paths::broker));
  EXPECT_TRUE(is_our_wrapper(std::string("...") + std::string(1, 0) + "/usr/local/libexec/secshr/secshrd"));
}

// Stock helpers hold the name of their inner directory, in which "secshrd" stands by accident.
TEST(HelperFile, is_not_ours_where_it_only_sounds_like_it) {
  EXPECT_FALSE(is_our_wrapper("/gtmsecshrdir ./gtmsecshr"));
  EXPECT_FALSE(is_our_wrapper("/opt/secshr/gtmsecshrdir/gtmsecshr"));
  EXPECT_FALSE(is_our_wrapper("secshrd"));
  EXPECT_FALSE(is_our_wrapper(""));
}

TEST(HelperFile, that_does_not_exist_is_none) {
  const auto file = read_helper("/nonexistent/gtmsecshr");
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_FALSE(file->exists());
  EXPECT_FALSE(file->is_setuid_root());
  EXPECT_FALSE(file->same_inode(*file));
}

TEST(HelperFile, that_is_no_regular_file_is_refused) {
  const auto file = read_helper("/dev/null");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().status, ExitStatus::findings);
}

}  // namespace
}  // namespace secshr::admin
