// secshrctl stranded: semaphore sets and segments whose users have all died, the databases they belong to, and what
// to run. It removes nothing, and attaches to nothing to find out more: a segment that is attached to is in use for
// everybody who would clean it up meanwhile, and afterwards names us as its last user.
#pragma once

#include <string>
#include <vector>

#include "admin/failure.h"

namespace secshr::admin {

struct StrandedRequest {
  std::vector<std::string> files;        // databases
  std::vector<std::string> directories;  // below which databases are looked for
  bool as_json = false;
};

Result<ExitStatus> show_stranded(const StrandedRequest& request);

}  // namespace secshr::admin
