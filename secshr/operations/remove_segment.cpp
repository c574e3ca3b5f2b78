#include "secshr/operations/remove_segment.h"

namespace secshr {

Outcome remove_segment(Kernel& kernel, const Permit<SegmentRemoval>& permit) noexcept {
  const SegmentRemoval& removal = permit.what();
  return outcome_of(kernel.remove_segment(removal.shmid, removal.facts));
}

}  // namespace secshr
