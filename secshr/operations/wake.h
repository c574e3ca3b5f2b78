// Wake a process with SIGALRM.
#pragma once

#include "secshr/authorize.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/permit.h"

namespace secshr {

[[nodiscard]] Outcome wake(Kernel& kernel, const Permit<ProcessWake>& permit) noexcept;

}  // namespace secshr
