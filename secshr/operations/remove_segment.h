// Remove a segment that nobody is attached to, as its owner or creator.
#pragma once

#include "secshr/authorize.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/permit.h"

namespace secshr {

[[nodiscard]] Outcome remove_segment(Kernel& kernel, const Permit<SegmentRemoval>& permit) noexcept;

}  // namespace secshr
