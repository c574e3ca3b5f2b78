// What the administrator wrote, and adopt: root's alone, and without errors.
#include <fcntl.h>
#include <fmt/format.h>

#include "admin/adoption/record.h"
#include "admin/doctor/checks.h"
#include "admin/doctor/root_path.h"
#include "admin/shell_word.h"
#include "secshr_paths.h"
#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

// What others could have written is refused unread, and has findings of its own.
bool is_roots_alone(const std::string& path) {
  const RootControlled opened = open_root_controlled(path.c_str(), O_PATH);
  const Descriptor close_it(opened.descriptor);
  return opened.fault == PathFault::none;
}

}  // namespace

void check_configuration(const Machine& machine, Report& report) {
  const std::string path = paths::configuration;
  (void)look_at_root_path(path, {"configuration.owner", "configuration.mode"}, report);
  if (machine.configuration) return;
  const ConfigurationError& error = machine.configuration.error();
  if (error.is_missing) {
    report.add({"configuration.missing", Severity::error, path, "Without it no broker starts.",
                "apt-get install --reinstall -o Dpkg::Options::=--force-confmiss secshr"});
    return;
  }
  if (!is_roots_alone(path)) return;
  report.add({"configuration.invalid", Severity::error, path,
              fmt::format("No broker takes it, nor what it acknowledges: {}.", to_string(error)),
              fmt::format("editor {}", path)});
}

void check_records(const Machine& machine, Report& report) {
  const RootPathFindings findings{"records.owner", "records.mode"};
  (void)look_at_root_path(paths::installations, findings, report);
  for (const Adopted& adopted : machine.adopted) {
    (void)look_at_root_path(record_path(adopted.installation.name), findings, report);
  }
  for (const ConfigurationError& bad : machine.bad_records) {
    (void)look_at_root_path(bad.file, findings, report);
    if (!is_roots_alone(bad.file)) continue;
    report.add({"records.invalid", Severity::error, bad.file,
                fmt::format("It is left out, and the installation that it was of is not served: {}.", to_string(bad)),
                fmt::format("rm {} && secshrctl adopt DIST", shell_word(bad.file))});
  }
}

}  // namespace secshr::admin
