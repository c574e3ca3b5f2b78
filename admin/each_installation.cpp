#include "admin/each_installation.h"

#include <algorithm>
#include <optional>

namespace secshr::admin {

Result<ExitStatus> do_for_each(const std::vector<Installation>& installations,
                               const std::function<Result<ExitStatus>(const Installation&)>& action) {
  if (installations.empty()) return std::unexpected(Failure{ExitStatus::not_running, "no installation is adopted"});
  ExitStatus outcome = ExitStatus::not_running;
  std::optional<Failure> failures;
  for (const Installation& installation : installations) {
    const auto one = action(installation);
    if (one && *one == ExitStatus::fine) outcome = ExitStatus::fine;
    if (one) continue;
    if (failures) {
      failures->status = std::max(failures->status, one.error().status);
      failures->what += "\nsecshrctl: " + one.error().what;
    } else {
      failures = one.error();
    }
  }
  if (failures) return std::unexpected(*failures);
  return outcome;
}

}  // namespace secshr::admin
