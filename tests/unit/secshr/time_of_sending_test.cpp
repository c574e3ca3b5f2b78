// The time of sending depends on how long ago that was, and not on what the wall clock shows.
#include "secshr/time_of_sending.h"

#include <gtest/gtest.h>

namespace secshr {
namespace {

using namespace std::chrono_literals;

constexpr WallTime now = 1'795'000'000s + 123'456'789ns;
constexpr BootTime since_boot = 3600s + 7ns;

TEST(TimeOfSending, is_the_time_since_boot_less_the_age_of_the_stamp) {
  EXPECT_EQ(time_of_sending(now, now, since_boot), since_boot);
  EXPECT_EQ(time_of_sending(now - 1ns, now, since_boot), since_boot - 1ns);
  EXPECT_EQ(time_of_sending(now - 10s, now, since_boot), since_boot - 10s);
  // Whatever the wall clock shows, as long as it goes on evenly.
  EXPECT_EQ(time_of_sending(now - 10s - 86400s, now - 86400s, since_boot), since_boot - 10s);
  EXPECT_EQ(time_of_sending(0s, 10s, since_boot), since_boot - 10s);
}

TEST(TimeOfSending, is_now_where_the_clock_was_put_back_meanwhile) {
  EXPECT_EQ(time_of_sending(now + 1ns, now, since_boot), since_boot);
  EXPECT_EQ(time_of_sending(now + 86400s, now, since_boot), since_boot);
}

TEST(TimeOfSending, is_never_before_the_boot) {
  EXPECT_EQ(time_of_sending(now - since_boot, now, since_boot), 0ns);
  EXPECT_EQ(time_of_sending(now - since_boot - 1ns, now, since_boot), 0ns);
  EXPECT_EQ(time_of_sending(0s, now, since_boot), 0ns);
}

}  // namespace
}  // namespace secshr
