#include "admin/brokers/reload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "admin/adoption/adoption.h"
#include "admin/adoption/distribution.h"
#include "admin/brokers/broker_process.h"
#include "admin/brokers/start_broker.h"
#include "admin/each_installation.h"
#include "admin/wanted_installations.h"
#include "installation/configuration.h"
#include "installation/installation.h"
#include "secshr/control/running_broker.h"
#include "secshr_paths.h"
#include "system/path_of.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

// The next start takes over. The directories that the broker serves.
Result<std::vector<std::string>> ask_for_renewal(const std::string& place) {
  const RootControlled opened = open_root_controlled(place.c_str(), O_RDONLY | O_DIRECTORY);
  if (opened.fault != PathFault::none) return error(fmt::format("{}: {}", place, describe(opened.fault)));
  const Descriptor directory(opened.descriptor);
  auto running = RunningBroker::connect(directory.get());
  if (!running) return error(fmt::format("{}/{}: {}", place, control_name, std::strerror(running.error())));
  (void)running->ask(ControlRequest::renew);
  const auto report = running->report();
  if (!report) return error(fmt::format("{}/{}: {}", place, control_name, std::strerror(report.error())));
  if (report->state.stage == BrokerStage::serving)
    return error(fmt::format("{}: the broker does not want to be replaced", place));
  std::vector<std::string> paths;
  for (const ReportedDirectory& served : report->directories) {
    std::string path = path_of(served.descriptor.get());
    // One that is gone has no name.
    if (access(path.c_str(), X_OK) == 0) paths.push_back(std::move(path));
  }
  return paths;
}

Result<ExitStatus> reload_one(const Installation& installation, const Configuration& configuration) {
  const auto before = find_broker(installation.name);
  if (!before) return std::unexpected(before.error());
  if (!*before) {
    fmt::print("{}: no broker runs\n", installation.name);
    return ExitStatus::not_running;
  }
  if ((*before)->is_elsewhere) {
    return refused(fmt::format("{}: process {} serves other namespaces; reload it from there", installation.name,
                               (*before)->pid));
  }
  const auto distribution = read_distribution(installation.directory);
  if (!distribution) return std::unexpected(distribution.error());
  if (distribution->helper.kind != HelperFile::Kind::ours) {
    return refused(fmt::format("{}: is not secshr's wrapper", distribution->helper_path()));
  }
  auto directories = ask_for_renewal((*before)->place);
  if (!directories) return std::unexpected(directories.error());
  if (directories->empty()) directories->emplace_back("/tmp");
  const auto status = start_broker(installation, *directories);
  if (!status) return std::unexpected(status.error());
  if (*status != 0) {
    return error(
        fmt::format("{}: the start of a new broker failed with status {} (the system log says why); process "
                    "{} serves on",
                    installation.name, *status, (*before)->pid));
  }
  const auto after = find_broker(installation.name);
  if (!after) return std::unexpected(after.error());
  if (!*after || (*after)->pid == (*before)->pid) {
    return error(fmt::format("{}: process {} was not replaced", installation.name, (*before)->pid));
  }
  fmt::print("{}: process {} serves in the place of {}\n", installation.name, (*after)->pid, (*before)->pid);
  const auto counters = counters_of(**after);
  if (counters && counters->configuration_hash != configuration.hash) {
    return refused(fmt::format("{}: the kept configuration is in force, and not {} (the log says why)",
                               installation.name, paths::configuration));
  }
  return ExitStatus::fine;
}

}  // namespace

Result<ExitStatus> reload(const std::optional<std::string>& name) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  // A start would go by the one that was kept: not what whoever reloads has in mind.
  const auto configuration = load_configuration(paths::configuration);
  if (!configuration) return refused(to_string(configuration.error()));
  const auto installations = wanted_installations(name);
  if (!installations) return std::unexpected(installations.error());
  return do_for_each(*installations, [&](const Installation& each) { return reload_one(each, *configuration); });
}

}  // namespace secshr::admin
