// From root to a serving broker: everything that needs root happens here, before the first byte of any client is
// read.
#pragma once

#include "secshr/start/invoker.h"

namespace secshr {

// Serves until the broker ends and returns the process's exit status. The outcome of the start itself goes to the
// wrapper through the readiness socket (wrapper/handoff.h); why it failed goes to the log or, before there is one, to
// syslog.
[[nodiscard]] int run_starter(const Invoker& invoker);

}  // namespace secshr
