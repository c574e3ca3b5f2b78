// The time of sending depends on how long ago that was, and not on what the wall clock shows.
#include "secshr/time_of_sending.h"

#include <gtest/gtest.h>

namespace secshr {
namespace {

using namespace std::chrono_literals;

constexpr WallTime wall_clock = 1'795'000'000s + 123'456'789ns;
constexpr BootTime boot_clock = 3600s + 7ns;

TEST(TimeOfSending, is_the_time_since_boot_less_the_age_of_the_stamp) {
  EXPECT_EQ(time_of_sending(wall_clock, wall_clock, boot_clock), boot_clock);
  EXPECT_EQ(time_of_sending(wall_clock - 1ns, wall_clock, boot_clock), boot_clock - 1ns);
  EXPECT_EQ(time_of_sending(wall_clock - 10s, wall_clock, boot_clock), boot_clock - 10s);
  // Whatever the wall clock shows, as long as it goes on evenly.
  EXPECT_EQ(time_of_sending(wall_clock - 10s - 86400s, wall_clock - 86400s, boot_clock), boot_clock - 10s);
  EXPECT_EQ(time_of_sending(0s, 10s, boot_clock), boot_clock - 10s);
}

TEST(TimeOfSending, is_now_where_the_clock_was_put_back_meanwhile) {
  EXPECT_EQ(time_of_sending(wall_clock + 1ns, wall_clock, boot_clock), boot_clock);
  EXPECT_EQ(time_of_sending(wall_clock + 86400s, wall_clock, boot_clock), boot_clock);
}

TEST(TimeOfSending, is_never_before_the_boot) {
  EXPECT_EQ(time_of_sending(wall_clock - boot_clock, wall_clock, boot_clock), 0ns);
  EXPECT_EQ(time_of_sending(wall_clock - boot_clock - 1ns, wall_clock, boot_clock), 0ns);
  EXPECT_EQ(time_of_sending(0s, wall_clock, boot_clock), 0ns);
}

}  // namespace
}  // namespace secshr
