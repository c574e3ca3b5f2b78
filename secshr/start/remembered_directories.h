// The directories that the last broker of a place served, so that one which follows after an end, or a death, serves
// them again without anybody asking. A file of root's: brokers have no part in it.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "secshr/start/plan.h"
#include "system/descriptor.h"

namespace secshr {

struct RememberedDirectory {
  std::string name;      // its path without links
  Descriptor directory;  // O_PATH
};

// Into the file `directories` of `place`, whole or not at all. An errno otherwise.
[[nodiscard]] std::expected<void, int> remember_directories(int place, std::span<const PlannedDirectory> directories);

// Those that have the same path still.
[[nodiscard]] std::vector<RememberedDirectory> recall_directories(int place);

}  // namespace secshr
