// secshrctl audit: the audit log, filtered, followed, or in numbers.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "admin/failure.h"

namespace secshr::admin {

// As the command line has it.
struct AuditRequest {
  std::optional<std::string> name = std::nullopt;  // of an installation; all of them without one
  std::optional<std::string> user = std::nullopt;  // uid or account
  std::optional<pid_t> pid = std::nullopt;
  std::optional<std::string> request = std::nullopt;
  std::optional<std::string> verdict = std::nullopt;
  std::optional<std::string> rule = std::nullopt;
  std::optional<std::string> since = std::nullopt;
  std::optional<std::string> until = std::nullopt;
  bool follow = false;
  bool summary = false;
  bool as_json = false;
};

Result<ExitStatus> audit(const AuditRequest& request);

}  // namespace secshr::admin
