// Remove a semaphore set, as its owner or creator.
#pragma once

#include "secshr/authorize.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/permit.h"

namespace secshr {

[[nodiscard]] Outcome remove_semaphore_set(Kernel& kernel, const Permit<SemaphoreSetRemoval>& permit) noexcept;

}  // namespace secshr
