// Which profile the installation in DIST is of: as the administrator says, as it is recorded, or as its library
// tells.
#pragma once

#include "admin/adoption/adopt.h"
#include "admin/failure.h"
#include "installation/installation.h"

namespace secshr::admin {

// `recorded`, where there is one, is the record of `directory`.
Result<const protocol::Profile*> decide_profile(const AdoptRequest& request, const Installation* recorded,
                                                const std::string& directory);

}  // namespace secshr::admin
