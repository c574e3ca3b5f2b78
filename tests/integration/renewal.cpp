#include "tests/integration/renewal.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>

#include "secshr/control/running_broker.h"

namespace secshr::test {

void ask_for_renewal() {
  const Descriptor place(::open("/run/secshr/test", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto running = RunningBroker::connect(place.get());
  ASSERT_TRUE(running.has_value()) << std::strerror(running.error());
  ASSERT_TRUE(running->ask(ControlRequest::renew));
  const auto report = running->report();
  ASSERT_TRUE(report.has_value()) << std::strerror(report.error());
  EXPECT_EQ(report->state.stage, BrokerStage::to_be_renewed);
}

}  // namespace secshr::test
