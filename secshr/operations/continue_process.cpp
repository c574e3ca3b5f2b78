#include "secshr/operations/continue_process.h"

#include <csignal>

namespace secshr {

Outcome continue_process(Kernel& kernel, const Permit<ProcessContinue>& permit) noexcept {
  return outcome_of(kernel.signal_process(permit.what().pidfd, SIGCONT));
}

}  // namespace secshr
