// The directories that the last broker of a place served are noted down, so that one which follows after an end, or a
// death, serves them again without anybody asking (recall_directories.h). A file of root's: brokers have no part in
// it.
#pragma once

#include <expected>
#include <span>

#include "secshr/start/plan.h"

namespace secshr {

// Into the place's file, whole or not at all. An errno otherwise.
[[nodiscard]] std::expected<void, int> remember_directories(int place, std::span<const PlannedDirectory> directories);

}  // namespace secshr
