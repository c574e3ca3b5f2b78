// What remembered_directories.h noted down: for the starter that follows, and for secshrctl.
#pragma once

#include <string>
#include <vector>

#include "system/descriptor.h"

namespace secshr {

inline constexpr char remembered_directories_name[] = "directories";

struct RememberedDirectory {
  std::string name;      // its path without links
  Descriptor directory;  // O_PATH
};

// Those that have the same path still. `place` is a descriptor of a directory of root's.
[[nodiscard]] std::vector<RememberedDirectory> recall_directories(int place);

}  // namespace secshr
