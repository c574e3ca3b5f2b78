// The names in a directory that is open already, whatever has become of its own name.
#pragma once

#include <string>
#include <vector>

#include "admin/failure.h"

namespace secshr::admin {

// All but "." and "..", in no order. `directory` may be an O_PATH descriptor. The failure is the error's text alone.
Result<std::vector<std::string>> names_in_directory(int directory);

}  // namespace secshr::admin
