#include "admin/brokers/status.h"

#include <fmt/format.h>

#include "admin/brokers/metrics.h"
#include "admin/brokers/show_status.h"
#include "admin/brokers/status_view.h"

namespace secshr::admin {

Result<ExitStatus> show_status(bool as_json) {
  const auto status = look_at_all();
  if (!status) return std::unexpected(status.error());
  fmt::print("{}", as_json ? json_of(*status) : text_of(*status));
  return exit_status_of(*status);
}

Result<ExitStatus> show_metrics() {
  const auto status = look_at_all();
  if (!status) return std::unexpected(status.error());
  fmt::print("{}", metrics_of(*status));
  return ExitStatus::fine;
}

}  // namespace secshr::admin
