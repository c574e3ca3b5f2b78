// The adopted installations that a command is about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/failure.h"
#include "installation/installation.h"

namespace secshr::admin {

// That of this name, which must be adopted; without one, all of them.
Result<std::vector<Installation>> wanted_installations(const std::optional<std::string>& name);

}  // namespace secshr::admin
