#include "admin/brokers/start_broker.h"

#include <fmt/format.h>

#include "admin/run_program.h"
#include "wrapper/handoff.h"

namespace secshr::admin {
namespace {

// The wrapper's exit status.
Result<int> start_in(const Installation& installation, const std::string& directory) {
  const auto end =
      run_program(wrapper_path(installation.directory), {},
                  {fmt::format("{}={}", installation.profile->tmp_variables.front(), directory)}, Output::shown);
  if (!end) return std::unexpected(end.error());
  return end->status;
}

}  // namespace

Result<int> start_broker(const Installation& installation, const std::vector<std::string>& directories) {
  Result<int> status = -1;
  for (const std::string& directory : directories) {
    status = start_in(installation, directory);
    if (!status || *status != static_cast<int>(StartStatus::directory)) break;
  }
  return status;
}

}  // namespace secshr::admin
