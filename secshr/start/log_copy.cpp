#include "secshr/start/log_copy.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstring>

#include "secshr/start/environment.h"
#include "secshr/start/root_directories.h"
#include "system/same_file.h"

namespace secshr {
void open_log_copy(const Plan& plan, const Invoker& invoker, Logs& logs) {
  const char* const name = first_set(plan.installation.profile->log_variables);
  if (name == nullptr || !plan.configuration.log.copy) return;
  const auto directory = open_served_directory(name, invoker, false);
  if (!directory) {
    const DirectoryFault& fault = directory.error();
    logs.copy_refused =
        fmt::format("{}: {}: {} (for uid {})", name, fault.reason, std::strerror(fault.error), invoker.uid);
    return;
  }
  auto copy = open_log(directory->get(), log_name, 0600);
  if (!copy) {
    logs.copy_refused = fmt::format("{}/{}: {}", name, copy.error().path, copy.error().what);
    return;
  }
  // The directory may give it a group of the user's, and what is there may be another file of root's that was
  // renamed.
  struct stat facts{};
  if (::fstat(copy->get(), &facts) != 0 || (facts.st_mode & 077U) != 0) {
    logs.copy_refused = fmt::format("{}/{}: others may read it", name, log_name);
    return;
  }
  if (same_file(copy->get(), logs.log.get())) return;  // the log itself
  logs.copy = *std::move(copy);
}

}  // namespace secshr
