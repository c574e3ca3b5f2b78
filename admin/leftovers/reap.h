// secshrctl reap: the socket files that dead processes have left in served directories, and removing them.
#pragma once

#include <string>
#include <vector>

#include "admin/failure.h"
#include "admin/leftovers/leftover_sockets.h"

namespace secshr::admin {

struct ReapRequest {
  std::vector<std::string> directories;  // none: those that are served
  bool remove = false;                   // otherwise it only says what it would remove
  bool as_json = false;
};

Result<ExitStatus> reap(const ReapRequest& request);

}  // namespace secshr::admin
