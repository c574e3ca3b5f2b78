#include "secshr/operations/remove_semaphore_set.h"

namespace secshr {

Outcome remove_semaphore_set(Kernel& kernel, const Permit<SemaphoreSetRemoval>& permit) noexcept {
  const SemaphoreSetRemoval& removal = permit.what();
  return outcome_of(kernel.remove_semaphore_set(removal.semid, removal.facts));
}

}  // namespace secshr
