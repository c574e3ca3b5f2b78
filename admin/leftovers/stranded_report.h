// What stranded says: pure, from what was found. A command is suggested for databases alone, and it is never ipcrm: a
// database's segment may hold blocks that are not in its file yet.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/failure.h"
#include "admin/leftovers/stranded_objects.h"

namespace secshr::admin {

struct StrandedReport {
  StrandedObjects objects;
  std::vector<std::string> not_seen;  // files and directories that could not be looked at, and why
};

// The account's name, empty where it has none.
using NameOfUser = std::function<std::string(uid_t)>;

[[nodiscard]] std::string rundown_command(const DatabaseFile& file);
[[nodiscard]] std::string stranded_text(const StrandedReport& report, const NameOfUser& name_of_user);
[[nodiscard]] std::string stranded_json(const StrandedReport& report, const NameOfUser& name_of_user);
[[nodiscard]] ExitStatus stranded_status(const StrandedReport& report);

}  // namespace secshr::admin
