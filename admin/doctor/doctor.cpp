#include "admin/doctor/doctor.h"

#include <fmt/format.h>

#include <array>

#include "admin/doctor/checks.h"
#include "admin/doctor/show_report.h"

namespace secshr::admin {
namespace {

using Check = void (*)(const Machine&, Report&);

// In the order in which findings of one severity are listed.
constexpr std::array checks{
    Check{check_installed_wrapper},
    Check{check_installed_broker},
    Check{check_adopted_wrappers},
    Check{check_utf8_helpers},
    Check{check_wrapper_mounts},
    Check{check_originals},
    Check{check_diversions},
    Check{check_configuration},
    Check{check_records},
    Check{check_logs},
    Check{check_run_directories},
    Check{check_socket_directories},
    Check{check_paths_to_sockets},
    Check{check_leftovers},
    Check{check_tmp_cleaners},
    Check{check_accounts},
    Check{check_processes},
    Check{check_running_programs},
    Check{check_configurations_in_force},
    Check{check_kernel_features},
    Check{check_degraded_brokers},
    Check{check_link_protection},
    Check{check_core_dumps},
    Check{check_ptrace_scope},
};

}  // namespace

Result<ExitStatus> run_doctor(bool as_json) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  Report report;
  const Machine machine = gather(report);
  for (const Check check : checks) check(machine, report);
  if (machine.configuration) report.acknowledge(machine.configuration->acknowledged);
  report.sort();
  fmt::print("{}", as_json ? json_of(report, machine.scope()) : text_of(report, machine.scope()));
  return report.exit_status();
}

}  // namespace secshr::admin
