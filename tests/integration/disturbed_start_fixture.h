// What must have come of a start, whatever was done to it: all of one broker with exactly its privileges, or nothing.
#pragma once

#include "tests/integration/broker_fixture.h"

namespace secshr::test {

class DisturbedStartTest : public BrokerTest {
 protected:
  // Nothing runs, and nothing of earlier starts is in the log or is found by the next one.
  static void forget_former_starts();
  // Waits until there is one or the other, and says whether it is a broker. Where it is nothing, nobody has the lock.
  static bool settle();
  // At once, when a wrapper has said that somebody serves.
  static void expect_that_nobody_serves_as_root();
  // Another user's, who is served.
  static void expect_that_the_next_start_works();
};

}  // namespace secshr::test
