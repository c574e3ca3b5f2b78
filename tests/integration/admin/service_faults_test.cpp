// secshrctl start, stop and reload of several installations: what fails for one keeps none of the others from it.
#include <csignal>

#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class ServiceFaults : public AdminTest {};

TEST_F(ServiceFaults, one_that_cannot_be_stopped_keeps_no_other_from_being) {
  make_installation("/mnt/test/more");
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  ASSERT_EQ(run({"adopt", "/mnt/test/more"}), 0) << complaint();
  install_built("tests/lock_holder", "/mnt/test/other", 0755);
  Running other = hold_lock("/mnt/test/other", "gtm");
  Running broker = hold_lock(paths::broker, "more");
  EXPECT_EQ(run({"stop"}), 1);
  EXPECT_TRUE(complaint().contains("secshrctl: gtm: ")) << complaint();
  EXPECT_EQ(said(), "more: ended\n");
  EXPECT_FALSE(runs(broker.pid()));
  EXPECT_TRUE(runs(other.pid()));
  // Of those where nothing is held each has its turn.
  EXPECT_EQ(run({"reload"}), 1);
  EXPECT_EQ(said(), "more: no broker runs\n");
  ASSERT_EQ(kill(other.pid(), SIGKILL), 0);
  (void)other.wait();
  EXPECT_EQ(run({"stop"}), 3) << "the control";
  EXPECT_EQ(said(), "gtm: no broker runs\nmore: no broker runs\n");
  EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
}

TEST_F(ServiceFaults, where_nothing_is_adopted_they_say_so) {
  for (const char* const command : {"start", "stop", "reload"}) {
    EXPECT_EQ(run({command}), 3) << command;
    EXPECT_EQ(complaint(), "secshrctl: no installation is adopted\n") << command;
  }
}

}  // namespace
}  // namespace secshr::test
