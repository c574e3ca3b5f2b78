// A directory that is to be adopted as generic: one of an application's programs, into which the wrapper is put
// beside them.
#pragma once

#include "admin/adoption/distribution.h"
#include "admin/failure.h"

namespace secshr::admin {

// Refuses one with a helper of its own, and one whose programs would mark nobody's processes or everybody's.
Result<void> check_generic_directory(const Distribution& distribution);

}  // namespace secshr::admin
