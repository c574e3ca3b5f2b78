#include "admin/reload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "admin/adoption.h"
#include "admin/broker_process.h"
#include "admin/distribution.h"
#include "installation/configuration.h"
#include "installation/installation.h"
#include "secshr/control/running_broker.h"
#include "secshr_paths.h"
#include "system/path_of.h"
#include "system/root_controlled.h"
#include "wrapper/handoff.h"

namespace secshr::admin {
namespace {

Result<std::vector<Installation>> wanted(const std::optional<std::string>& name) {
  auto installations = load_installations(paths::installations);
  if (!installations) return error(to_string(installations.error()));
  if (!name) return *std::move(installations);
  std::erase_if(*installations, [&](const Installation& each) { return each.name != *name; });
  if (installations->empty()) return refused(fmt::format("{}: no installation is adopted under this name", *name));
  return *std::move(installations);
}

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

// The wrapper's exit status.
Result<int> start_in(const Installation& installation, const std::string& directory) {
  std::string program = wrapper_path(installation.directory);
  std::string tmp = fmt::format("{}={}", installation.profile->tmp_variables.front(), directory);
  const std::array<char*, 2> arguments{program.data(), nullptr};
  const std::array<char*, 2> environment{tmp.data(), nullptr};
  pid_t child = -1;
  if (const int failed = posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environment.data());
      failed != 0) {
    return error(fmt::format("{}: {}", program, std::strerror(failed)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return system_error(program, "wait for");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// In the first of them where it can serve: whose directory it is may have made it such that it cannot. The exit
// status of the last attempt.
Result<int> start(const Installation& installation, const std::vector<std::string>& directories) {
  Result<int> status = -1;
  for (const std::string& directory : directories) {
    status = start_in(installation, directory);
    if (!status || *status != static_cast<int>(StartStatus::directory)) break;
  }
  return status;
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
  const auto status = start(installation, *directories);
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
  const auto installations = wanted(name);
  if (!installations) return std::unexpected(installations.error());
  ExitStatus outcome = ExitStatus::not_running;
  for (const Installation& installation : *installations) {
    const auto one = reload_one(installation, *configuration);
    if (!one) return one;
    if (*one == ExitStatus::fine) outcome = ExitStatus::fine;
  }
  return outcome;
}

}  // namespace secshr::admin
