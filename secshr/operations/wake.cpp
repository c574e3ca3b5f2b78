#include "secshr/operations/wake.h"

#include <csignal>

namespace secshr {

Outcome wake(Kernel& kernel, const Permit<ProcessWake>& permit) noexcept {
  return outcome_of(kernel.signal_process(permit.what().pidfd, SIGALRM));
}

}  // namespace secshr
