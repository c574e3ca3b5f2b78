#include "tests/integration/renewal.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>

#include "secshr/control/running_broker.h"
#include "tests/integration/process_state.h"

namespace secshr::test {

void ask_for_renewal() {
  const Descriptor place(::open("/run/secshr/test", O_PATH | O_DIRECTORY | O_CLOEXEC));
  // On a busy machine a broker takes longer than a starter waits, which asks again.
  EXPECT_TRUE(eventually([&] {
    auto running = RunningBroker::connect(place.get());
    if (!running || !running->ask(ControlRequest::renew)) return false;
    const auto report = running->report();
    return report.has_value() && report->state.stage == BrokerStage::to_be_renewed;
  }));
}

}  // namespace secshr::test
