// A starter that is killed at any of its system calls: what was served goes on being served or is served again by the
// next start, and nothing stays in its way.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "secshr/control/running_broker.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/disturbed_start.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string other_tmp = "/mnt/test/other";

// Every system call where SECSHR_EVERY_SYSTEM_CALL is set, which takes some minutes; else every so many, an odd
// number that has nothing to do with how the calls repeat.
unsigned stride() {
  return std::getenv("SECSHR_EVERY_SYSTEM_CALL") != nullptr ? 1 : 41;
}

class BrokerKilledStarter : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(other_tmp, 01777);
  }
  // Calls that were tried until the starter came to its end.
  template <typename Prepare, typename Check>
  static unsigned kill_at_each(const Prepare& prepare, const Check& check) {
    for (unsigned call = 1;; call += stride()) {
      SCOPED_TRACE("killed at system call " + std::to_string(call));
      // However often this user has had it by now.
      fs::remove("/run/secshr/test/takeovers");
      prepare();
      const DisturbedStart start = run_with_kill(second_user, start_command(other_tmp), Part::starter, call);
      // From there on it is the broker that is killed.
      if (start.wrapper == ending_of(StartStatus::serving)) return call / stride();
      EXPECT_TRUE(start.was_disturbed);
      // The wrapper says so; it does not say that somebody serves.
      EXPECT_EQ(start.wrapper, ending_of(StartStatus::other));
      check();
      if (testing::Test::HasFailure()) return 0;
    }
  }
};

TEST_F(BrokerKilledStarter, in_an_empty_place_is_nothing_to_the_next) {
  const unsigned tried = kill_at_each([] {},
                                      [] {
                                        (void)serve(second_user, other_tmp);
                                        expect_serving(other_tmp);
                                        const auto holder = lock_holder();
                                        ASSERT_TRUE(holder.has_value());
                                        ASSERT_EQ(::kill(*holder, SIGKILL), 0);
                                        ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
                                      });
  EXPECT_GT(tried, 10U);
}

TEST_F(BrokerKilledStarter, in_the_place_of_a_broker_leaves_every_directory_served_or_to_be_served) {
  const unsigned tried = kill_at_each(
      [] {
        (void)serve(first_user, tmp);
        ask_for_renewal();
      },
      [] {
        // A client that finds nobody starts the next broker itself, as stock clients do.
        (void)serve(first_user, tmp);
        (void)serve(second_user, other_tmp);
        expect_serving(tmp);
        expect_serving(other_tmp);
        const auto holder = lock_holder();
        ASSERT_TRUE(holder.has_value());
        EXPECT_TRUE(eventually([&] { return find_broker_processes().brokers == std::vector<pid_t>{*holder}; }));
      });
  EXPECT_GT(tried, 10U);
}

}  // namespace
}  // namespace secshr::test
