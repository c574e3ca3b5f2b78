// The AppArmor profile gives what the programs can come to hold, and no more.
#include <gtest/gtest.h>
#include <sys/capability.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "wrapper/handoff.h"

namespace secshr {
namespace {

TEST(AppArmorProfile, has_the_capabilities_of_the_bounding_set_and_no_others) {
  std::ifstream profile(APPARMOR_PROFILE);
  ASSERT_TRUE(profile.is_open());
  std::set<std::string> given;
  for (std::string line; std::getline(profile, line);) {
    std::istringstream words(line);
    std::string first, second;
    if (words >> first >> second && first == "capability") given.insert("cap_" + second.substr(0, second.find(',')));
    EXPECT_NE(first, "capability,") << "all of them";
  }
  std::set<std::string> held;
  for (const int capability : bounding_capabilities) {
    char* const name = ::cap_to_name(capability);
    held.insert(name);
    (void)::cap_free(name);
  }
  EXPECT_EQ(given, held);
}

}  // namespace
}  // namespace secshr
