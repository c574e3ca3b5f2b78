// secshrctl adopt: secshr's wrapper takes the place of an installation's gtmsecshr, or comes to a directory of other
// programs.
#pragma once

#include <optional>
#include <string>

#include "admin/failure.h"

namespace secshr::admin {

struct AdoptRequest {
  std::string directory;               // DIST, as given
  std::optional<std::string> name;     // default: DIST's last component, or the name it is adopted under
  std::optional<std::string> profile;  // default: told by the shared library, or the one it is adopted with
  std::optional<std::string> release;  // default: read from the shared library, or the one it is adopted with
};

// Either the installation is adopted and verified afterwards, or everything is as before. An adopted one is verified,
// and renewed where that is needed; a half-finished run before this one is finished.
Result<ExitStatus> adopt(const AdoptRequest& request);

}  // namespace secshr::admin
