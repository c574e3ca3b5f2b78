// Who has a place: the newcomer, the reserved, and of the others those who asked last.
#include "secshr/start/directory_places.h"

#include <gtest/gtest.h>

namespace secshr {
namespace {

using Places = std::vector<bool>;

constexpr DirectoryUse of(uid_t uid, std::uint32_t idle = 0) {
  return {uid, idle, false};
}
constexpr DirectoryUse reserved{0, 1000, true};

TEST(DirectoryPlaces, are_for_all_where_there_are_as_many) {
  EXPECT_EQ(allot_places(std::vector{of(1), of(2, 9), of(3, 5)}, 3, 0), (Places{true, true, true}));
}

TEST(DirectoryPlaces, go_from_the_longest_idle_to_the_newcomer) {
  EXPECT_EQ(allot_places(std::vector{of(1), of(2, 9), of(3, 5)}, 2, 0), (Places{true, false, true}));
  // However long the newcomer itself has been there, or was said to have been.
  EXPECT_EQ(allot_places(std::vector{of(1, 99), of(2, 9), of(3, 5)}, 1, 0), (Places{true, false, false}));
  EXPECT_EQ(allot_places(std::vector{of(1), of(2, 5), of(3, 5)}, 2, 0), (Places{true, true, false})) << "in order";
}

TEST(DirectoryPlaces, that_are_reserved_are_nobody_elses) {
  EXPECT_EQ(allot_places(std::vector{of(1), reserved, of(2)}, 2, 0), (Places{true, true, false}));
  EXPECT_EQ(allot_places(std::vector{of(1), of(2)}, 2, 1), (Places{true, false}));
  EXPECT_EQ(allot_places(std::vector{of(1), reserved}, 1, 0), (Places{false, true}));
  EXPECT_EQ(allot_places(std::vector{reserved, of(1)}, 2, 0), (Places{true, true})) << "a newcomer that has one";
  // More of them than places: what the administrator names is served.
  EXPECT_EQ(allot_places(std::vector{reserved, reserved, reserved}, 2, 0), (Places{true, true, true}));
}

TEST(DirectoryPlaces, are_not_one_users_alone) {
  // Half of four.
  EXPECT_EQ(allot_places(std::vector{of(1), of(1, 1), of(1, 2), of(2, 500), of(3, 400)}, 4, 0),
            (Places{true, true, false, true, true}));
  // Where nobody else wants one, it has more.
  EXPECT_EQ(allot_places(std::vector{of(1), of(1, 1), of(1, 2), of(2, 500)}, 4, 0), (Places{true, true, true, true}));
  // Of a single place, that.
  EXPECT_EQ(allot_places(std::vector{of(1), of(1, 1)}, 1, 0), (Places{true, false}));
}

TEST(DirectoryPlaces, are_for_roots_directories_before_those_of_users) {
  EXPECT_EQ(allot_places(std::vector{of(1), of(2, 1), of(0, 500)}, 2, 0), (Places{true, false, true}));
  // Of which nobody has too many.
  EXPECT_EQ(allot_places(std::vector{of(2), of(0, 1), of(0, 2), of(0, 3), of(3)}, 4, 0),
            (Places{true, true, true, true, false}));
}

TEST(DirectoryPlaces, are_none_where_there_are_none) {
  EXPECT_EQ(allot_places({}, 4, 1), Places{});
  EXPECT_EQ(allot_places(std::vector{of(1)}, 0, 0), Places{false});
  EXPECT_EQ(allot_places(std::vector{of(1)}, 1, 2), Places{false});
}

}  // namespace
}  // namespace secshr
