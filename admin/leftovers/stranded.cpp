#include "admin/leftovers/stranded.h"

#include <fmt/format.h>
#include <pwd.h>

#include <array>
#include <cstdio>
#include <utility>

#include "admin/leftovers/database_files.h"
#include "admin/leftovers/ipc_listing.h"
#include "admin/leftovers/process_life.h"
#include "admin/leftovers/stranded_report.h"

namespace secshr::admin {
namespace {

std::string name_of_user(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_name;
}

}  // namespace

Result<ExitStatus> show_stranded(const StrandedRequest& request) {
  // Others' sets and databases are not for everybody to look at.
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  // The files first: a database that is opened meanwhile then has objects that no header names, and that somebody
  // uses.
  DatabaseSearch search = find_databases(request.files, request.directories);
  const auto objects = list_ipc_objects();
  if (!objects) return std::unexpected(objects.error());
  const StrandedReport report{find_stranded(*objects, search.found, lives_since), std::move(search.not_seen)};
  fmt::print("{}", request.as_json ? stranded_json(report, name_of_user) : stranded_text(report, name_of_user));
  return stranded_status(report);
}

}  // namespace secshr::admin
