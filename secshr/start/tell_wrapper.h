// The outcome of a start, for the wrapper that waits for it (wrapper/handoff.h).
#pragma once

#include "wrapper/handoff.h"

namespace secshr {

// Once: the pipe is closed afterwards.
void tell_wrapper(StartStatus status) noexcept;

}  // namespace secshr
