#include <fmt/format.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "admin/brokers/show_status.h"
#include "admin/log/log_text.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

// Those that have refused anything.
nlohmann::ordered_json refused_by_rule(const Counters& counters) {
  auto json = nlohmann::ordered_json::object();
  for (std::size_t rule = 0; rule < counted_rules.size(); ++rule) {
    const std::uint64_t count = counters.refused_by_rule[rule];
    if (count != 0) json[std::string(counted_rules[rule])] = count;
  }
  return json;
}

nlohmann::ordered_json json_of(const Counters& counters) {
  const RequestCounts requests = sum_of(counters);
  return {{"datagrams", counters.datagrams},
          {"dropped", counters.dropped},
          {"done", requests.done},
          {"refused", requests.refused},
          {"failed", requests.failed},
          {"refused_by_rule", refused_by_rule(counters)},
          {"replies_unsent", counters.replies_unsent},
          {"leftovers_removed", counters.leftovers_removed},
          {"parked", counters.parked},
          {"parked_most", counters.parked_most},
          {"log_lines_lost", counters.log_lines_lost}};
}

nlohmann::ordered_json json_of(const ShownBroker& broker) {
  const ProcessStatus& process = broker.details.status;
  nlohmann::ordered_json json{{"pid", broker.pid},
                              {"started", broker.details.started},
                              {"uid", process.uid},
                              {"gid", process.gid},
                              {"permitted", capability_names(process.permitted)},
                              {"effective", capability_names(process.effective)},
                              {"bounding", capability_names(process.bounding)},
                              {"no_new_privileges", process.no_new_privileges},
                              {"seccomp", seccomp_text(process.seccomp)}};
  if (broker.directories) json["served_directories"] = *broker.directories;
  if (broker.counters) {
    json["configuration_hash"] = hash_text(broker.counters->configuration_hash);
    json["configuration_changed"] = broker.configuration_changed;
    json["landlock"] = has_landlock(*broker.counters);
    json["degraded"] = missing_features(*broker.counters);
    json["counters"] = json_of(*broker.counters);
  }
  return json;
}

nlohmann::ordered_json json_of(const InstallationStatus& status) {
  const Installation& installation = status.installation;
  nlohmann::ordered_json json{{"name", installation.name},
                              {"directory", installation.directory},
                              {"profile", installation.profile->name},
                              {"release", installation.release},
                              {"communication_key", key_text(installation.communication_key)},
                              {"server_key", nullptr},
                              {"server_socket", nullptr},
                              {"intact", status.faults.empty()},
                              {"faults", status.faults},
                              {"broker", nullptr},
                              {"broker_fault", nullptr}};
  if (status.server) {
    json["server_key"] = key_text(status.server->key);
    json["server_socket"] = status.server->socket;
  }
  if (status.broker) json["broker"] = json_of(*status.broker);
  if (!status.broker_fault.empty()) json["broker_fault"] = status.broker_fault;
  json["last_refusals"] = nlohmann::ordered_json::array();
  for (const LogEntry& refusal : status.refusals)
    json["last_refusals"].push_back(json_of(refusal, installation.name));
  return json;
}

}  // namespace

std::string json_of(const Status& status) {
  nlohmann::ordered_json json{{"version", paths::version}, {"configuration", {{"file", paths::configuration}}}};
  if (status.configuration) {
    json["configuration"]["hash"] = hash_text(status.configuration->hash);
  } else {
    json["configuration"]["error"] = status.configuration.error().what;
  }
  const bool is_locked = !status.lockdown || *status.lockdown;
  json["lockdown"] = is_locked;
  json["lockdown_group"] = nullptr;
  json["lockdown_fault"] = nullptr;
  if (is_locked) json["lockdown_group"] = status.lockdown ? (*status.lockdown)->group : 0;
  if (!status.lockdown) json["lockdown_fault"] = to_string(status.lockdown.error());
  json["bad_records"] = status.bad_records;
  json["installations"] = nlohmann::ordered_json::array();
  for (const InstallationStatus& installation : status.installations) {
    json["installations"].push_back(json_of(installation));
  }
  // A path that is no valid UTF-8 cannot be in a record, but one in an error text could be.
  return fmt::format("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace secshr::admin
