// Whether an adopted installation is as adopt left it: what adopt verifies at its end, and what status shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/adoption/distribution.h"
#include "admin/files.h"
#include "installation/installation.h"

namespace secshr::admin {

// Whether an installation of this profile comes with a gtmsecshr of its own, which adopt keeps and restore puts back.
bool has_original(const protocol::Profile& profile);

// Owner root always; where others could not execute the original, they cannot execute the copy, and the group that
// could still can. Where there is no original, the directory says who may. Adopting never opens an installation wider
// than it was.
Access wrapper_access(const protocol::Profile& profile, const Distribution& distribution);

// Everything that is not as it should be, each as one line; empty: intact.
std::vector<std::string> adoption_faults(const Installation& installation, const Distribution& distribution,
                                         std::string_view installed_wrapper);

}  // namespace secshr::admin
