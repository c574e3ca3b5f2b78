#include "admin/brokers/service.h"

#include <fmt/format.h>

#include <vector>

#include "admin/brokers/broker_process.h"
#include "admin/brokers/start_broker.h"
#include "admin/each_installation.h"
#include "admin/wanted_installations.h"
#include "installation/configuration.h"
#include "installation/installation.h"
#include "protocol/start_meaning.h"
#include "secshr_paths.h"
#include "wrapper/handoff.h"

namespace secshr::admin {
namespace {

static_assert(start_meanings.size() == static_cast<std::size_t>(StartStatus::not_adopted) + 1);

Result<ExitStatus> start_one(const Installation& installation, const std::vector<std::string>& directories) {
  const auto before = find_broker(installation.name);
  if (!before) return std::unexpected(before.error());
  if (*before && !(*before)->is_elsewhere) {
    fmt::print("{}: process {} serves already\n", installation.name, (*before)->pid);
    return ExitStatus::fine;
  }
  const auto status = start_broker(installation, directories);
  if (!status) return std::unexpected(status.error());
  if (*status != 0) {
    return error(fmt::format("{}: the start of a broker failed with status {}: {}", installation.name, *status,
                             meaning_of_start(*status)));
  }
  const auto after = find_broker(installation.name);
  if (!after) return std::unexpected(after.error());
  if (!*after)
    return error(fmt::format("{}: the broker that was started has ended; its log says why", installation.name));
  fmt::print("{}: process {} serves\n", installation.name, (*after)->pid);
  return ExitStatus::fine;
}

Result<ExitStatus> stop_one(const Installation& installation) {
  const auto ended = end_brokers(installation.name);
  if (!ended) return std::unexpected(Failure{ended.error().status, installation.name + ": " + ended.error().what});
  const bool ran = *ended == BrokerEnd::ended;
  fmt::print("{}: {}\n", installation.name, ran ? "ended" : "no broker runs");
  return ran ? ExitStatus::fine : ExitStatus::not_running;
}

}  // namespace

Result<ExitStatus> start(const std::optional<std::string>& name) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto configuration = load_configuration(paths::configuration);
  if (!configuration) return refused(to_string(configuration.error()));
  const auto installations = wanted_installations(name);
  if (!installations) return std::unexpected(installations.error());
  std::vector<std::string> directories = configuration->pinned_directories;
  directories.emplace_back("/tmp");
  return do_for_each(*installations, [&](const Installation& each) { return start_one(each, directories); });
}

Result<ExitStatus> stop(const std::optional<std::string>& name) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto installations = wanted_installations(name);
  if (!installations) return std::unexpected(installations.error());
  return do_for_each(*installations, stop_one);
}

}  // namespace secshr::admin
