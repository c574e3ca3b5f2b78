// Continue a stopped process with SIGCONT.
#pragma once

#include "secshr/authorize.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/permit.h"

namespace secshr {

[[nodiscard]] Outcome continue_process(Kernel& kernel, const Permit<ProcessContinue>& permit) noexcept;

}  // namespace secshr
