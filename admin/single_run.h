// One adopt or restore at a time: a lock on a file that only root can open, so that nobody else can hold it.
#pragma once

#include "admin/failure.h"
#include "system/descriptor.h"

namespace secshr::admin {

// Held until the descriptor is closed, by the kernel if the process dies.
Result<Descriptor> take_single_run_lock();

}  // namespace secshr::admin
