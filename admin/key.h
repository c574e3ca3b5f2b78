// secshrctl key: the server key and the server socket's name that clients derive from each helper of an installation,
// as GT.M's own utility (`mupip ftok -only -id=46 FILE`) reports them.
#pragma once

#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// `directory` is DIST, as given. It need not be adopted. Any user may ask who can read the helper.
Result<ExitStatus> show_key(const std::string& directory, bool as_json);

}  // namespace secshr::admin
