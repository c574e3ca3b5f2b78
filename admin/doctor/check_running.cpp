// The brokers that run, against what is installed and configured by now.
#include <fmt/format.h>

#include "admin/doctor/checks.h"
#include "admin/look.h"
#include "secshr/start/kept_configuration.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

std::string reload(const Adopted& adopted) {
  return "secshrctl reload " + adopted.installation.name;
}

void check_in_force(const Machine& machine, const Adopted& adopted, const Counters& counters, Report& report) {
  const bool is_the_files = machine.configuration && machine.configuration->hash == counters.configuration_hash;
  if (is_the_files) return;
  const auto kept = load_kept_configuration(adopted.installation.name);
  if (!machine.configuration && kept && kept->hash == counters.configuration_hash) {
    report.add({"running.kept", Severity::warning, paths::configuration,
                fmt::format("The broker of {} has the configuration that worked last: that of the file is refused.",
                            adopted.installation.name),
                fmt::format("editor {} && {}", paths::configuration, reload(adopted))});
  } else if (machine.configuration) {
    report.add({"running.configuration", Severity::warning, paths::configuration,
                fmt::format("The broker of {} has another configuration: the file was changed since it started.",
                            adopted.installation.name),
                reload(adopted)});
  }
}

}  // namespace

void check_running_programs(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    // Elsewhere another program may be installed.
    if (!adopted.broker || adopted.broker->process.is_elsewhere) continue;
    const std::string path = fmt::format("/proc/{}/exe", adopted.broker->process.pid);
    const auto running = look_at_target(path);
    if (!running && !is_missing(running.error())) report.could_not_look(path, describe_error(running.error()));
    const auto installed = look_at(paths::broker);
    if (!running || !installed) continue;
    if (running->st_dev == installed->st_dev && running->st_ino == installed->st_ino) continue;
    report.add({"running.program", Severity::warning, paths::broker,
                fmt::format("The broker of {} (process {}) runs another program: this one was installed since.",
                            adopted.installation.name, adopted.broker->process.pid),
                reload(adopted)});
  }
}

void check_configurations_in_force(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    if (!adopted.broker || !adopted.broker->counters) continue;
    check_in_force(machine, adopted, *adopted.broker->counters, report);
  }
}

}  // namespace secshr::admin
