#include "admin/brokers/status_view.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "admin/adoption/adoption.h"
#include "admin/adoption/distribution.h"
#include "admin/log/last_refusals.h"
#include "secshr/control/running_broker.h"
#include "secshr/start/root_directories.h"
#include "secshr_paths.h"
#include "system/path_of.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

constexpr std::size_t refusals_shown = 3;

std::optional<std::vector<std::string>> served_directories(const std::string& place) {
  const RootControlled opened = open_root_controlled(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened.fault != PathFault::none) return std::nullopt;
  const Descriptor directory(opened.descriptor);
  auto running = RunningBroker::connect(directory.get());
  const auto report = running ? running->report() : std::unexpected(running.error());
  if (!report) return std::nullopt;
  std::vector<std::string> paths;
  for (const ReportedDirectory& each : report->directories) paths.push_back(path_of(each.descriptor.get()));
  return paths;
}

Result<std::optional<ShownBroker>> look_at_broker(const std::string& name,
                                                  const Result<Configuration>& configuration) {
  const auto found = find_broker(name);
  if (!found) return std::unexpected(found.error());
  const std::optional<BrokerProcess>& broker = *found;
  if (!broker) return std::nullopt;
  auto details = read_details(*broker);
  if (!details) return std::unexpected(details.error());
  const auto counters = counters_of(*broker);
  const bool changed = counters && configuration && counters->configuration_hash != configuration->hash;
  return ShownBroker{broker->pid, *std::move(details), counters, changed, served_directories(broker->place)};
}

InstallationStatus look_at(Installation installation, std::string_view wrapper,
                           const Result<Configuration>& configuration) {
  InstallationStatus status;
  const auto distribution = read_distribution(installation.directory);
  if (distribution) {
    const HelperFile& helper = distribution->helper;
    if (helper.exists()) status.server = key_of(helper, *installation.profile);
    status.faults = adoption_faults(installation, *distribution, wrapper);
  } else {
    status.faults.push_back(distribution.error().what);
  }
  auto broker = look_at_broker(installation.name, configuration);
  if (broker) {
    status.broker = *std::move(broker);
  } else {
    status.broker_fault = broker.error().what;
  }
  if (configuration) {
    status.refusals = last_refusals(
        fmt::format("{}/{}/{}", configuration->log_directory, installation.name, log_name), refusals_shown);
  }
  status.installation = std::move(installation);
  return status;
}

}  // namespace

Result<Status> look_at_all() {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto wrapper = read_installed_wrapper();
  if (!wrapper) return std::unexpected(wrapper.error());
  auto records = read_installations(paths::installations);
  if (!records) return error(to_string(records.error()));
  const auto configuration = load_configuration(paths::configuration);
  Status status;
  status.lockdown = load_lockdown(paths::lockdown);
  if (configuration) {
    status.configuration = *configuration;
  } else {
    status.configuration = error(to_string(configuration.error()));
  }
  for (Installation& installation : records->good) {
    status.installations.push_back(look_at(std::move(installation), *wrapper, status.configuration));
  }
  for (const ConfigurationError& bad : records->bad) status.bad_records.push_back(to_string(bad));
  return status;
}

ExitStatus exit_status_of(const Status& status) {
  bool sound = status.configuration.has_value() && status.bad_records.empty() && status.lockdown.has_value();
  bool running = false;
  for (const InstallationStatus& installation : status.installations) {
    sound = sound && installation.faults.empty() && installation.broker_fault.empty();
    if (!installation.broker) continue;
    running = true;
    sound = sound && !installation.broker->configuration_changed;
  }
  if (!sound) return ExitStatus::findings;
  return running ? ExitStatus::fine : ExitStatus::not_running;
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

RequestCounts sum_of(const Counters& counters) {
  RequestCounts sum;
  for (const RequestCounts& each : counters.requests) {
    sum.done += each.done;
    sum.refused += each.refused;
    sum.failed += each.failed;
  }
  return sum;
}

std::string seccomp_text(unsigned mode) {
  switch (mode) {
    case 0:
      return "off";
    case 1:
      return "strict";
    case 2:
      return "filter";
    default:
      return std::to_string(mode);
  }
}

bool has_landlock(const Counters& counters) {
  return (counters.degraded & without_landlock) == 0;
}

std::vector<std::string> missing_features(const Counters& counters) {
  std::vector<std::string> missing;
  if (!has_landlock(counters)) missing.emplace_back("Landlock");
  if ((counters.degraded & without_scm_pidfd) != 0) missing.emplace_back("SCM_PIDFD");
  return missing;
}

}  // namespace secshr::admin
