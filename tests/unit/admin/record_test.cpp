// The name an installation gets where none is given.
#include "admin/adoption/record.h"

#include <gtest/gtest.h>

#include <string>

namespace secshr::admin {
namespace {

TEST(DefaultName, is_the_last_component_made_to_fit) {
  EXPECT_EQ(default_name("/usr/lib/fis-gtm/V7.0-005_x86_64"), "V7.0-005_x86_64");
  EXPECT_EQ(default_name("/opt/my gtm\n"), "my-gtm-");
  EXPECT_EQ(default_name("/opt/..gtm"), "gtm");
  EXPECT_EQ(default_name("/opt/-gtm"), "gtm");
  EXPECT_EQ(default_name("/opt/" + std::string(65, 'g')), std::string(64, 'g'));
}

TEST(DefaultName, is_none_where_nothing_fits) {
  EXPECT_EQ(default_name("/"), std::nullopt);
  EXPECT_EQ(default_name("/opt/..."), std::nullopt);
  EXPECT_EQ(default_name("/opt/\xc3\xa4"), std::nullopt);
}

}  // namespace
}  // namespace secshr::admin
