// secshrctl lockdown: nobody but administrators is served, until it is taken back.
#pragma once

#include <optional>
#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// Members of the group, a name or a number, and root are served. When this returns without a failure no broker of the
// machine's own serves anybody else.
Result<ExitStatus> lockdown_on(const std::string& group);
Result<ExitStatus> lockdown_off();
Result<ExitStatus> show_lockdown(bool as_json);

}  // namespace secshr::admin
