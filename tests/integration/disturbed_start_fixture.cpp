#include "tests/integration/disturbed_start_fixture.h"

#include <algorithm>

#include "secshr_paths.h"
#include "tests/integration/privileges.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

bool is_nothing_left() {
  return all_other_processes().empty();
}

// Of which nobody is root any more: a starter whose helpers are there already is not yet a broker.
bool is_one_broker_and_nothing_else() {
  const auto found = find_broker_processes();
  const auto is_root = [](pid_t pid) { return status_of(pid)["Uid"].starts_with("0 "); };
  return found.complete() && found.all().size() == all_other_processes().size() &&
         std::ranges::none_of(found.brokers, is_root);
}

}  // namespace

void DisturbedStartTest::forget_former_starts() {
  kill_other_processes();
  for (const std::string directory : {paths::run, paths::log}) {
    if (exists(directory)) remove_tree(directory);
  }
  (void)system_log();
  (void)broker_messages();
}

bool DisturbedStartTest::settle() {
  EXPECT_TRUE(eventually([] { return is_nothing_left() || is_one_broker_and_nothing_else(); }))
      << "something is left";
  if (is_nothing_left()) {
    EXPECT_EQ(lock_holder(), std::nullopt);
    return false;
  }
  expect_privileges(wait_for_processes());
  return true;
}

void DisturbedStartTest::expect_that_nobody_serves_as_root() {
  const auto holder = lock_holder();
  EXPECT_FALSE(holder && status_of(*holder)["Uid"].starts_with("0 "));
}

void DisturbedStartTest::expect_that_the_next_start_works() {
  (void)serve(second_user);
  expect_serving();
}

}  // namespace secshr::test
