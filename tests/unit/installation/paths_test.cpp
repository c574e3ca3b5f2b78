// Which paths a configuration file may name.
#include "installation/paths.h"

#include <gtest/gtest.h>

#include <string>

namespace secshr {
namespace {

constexpr std::size_t longest = 16;

TEST(Paths, accepts_the_one_form_that_equals_itself) {
  for (const char* const path : {"/a", "/a/b", "/.a", "/a/..b", "/a/...", "/\xc3\xa4 b"}) {
    EXPECT_FALSE(path_fault(path, longest)) << path;
  }
}

TEST(Paths, refuses_every_other_form) {
  for (const char* const path : {"", "a", "./a", "/", "//", "//a", "/a//b", "/a/", "/.", "/..", "/a/.", "/a/..",
                                 "/../a", "/./a", "/a\nb", "/a\x1b", "/a\x7f"}) {
    EXPECT_TRUE(path_fault(path, longest)) << path;
  }
  EXPECT_TRUE(path_fault(std::string_view("/a\0b", 4), longest));
}

TEST(Paths, limits_the_length) {
  EXPECT_FALSE(path_fault("/" + std::string(longest - 1, 'x'), longest));
  EXPECT_TRUE(path_fault("/" + std::string(longest, 'x'), longest));
}

}  // namespace
}  // namespace secshr
