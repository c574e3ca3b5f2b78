// The main of every test program that needs root: all its cases run in one private world.
#include <gtest/gtest.h>

#include "tests/support/private_world.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto tests = [] { return RUN_ALL_TESTS(); };
  return testing::GTEST_FLAG(list_tests) ? tests() : secshr::test::run_in_private_world(tests);
}
