#include "admin/status.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/adoption.h"
#include "admin/broker_process.h"
#include "admin/distribution.h"
#include "counters/counters_page.h"
#include "installation/configuration.h"
#include "installation/installation.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

struct RunningBroker {
  pid_t pid = 0;
  BrokerDetails details;
  std::optional<Counters> counters;  // none where it shows none
  // Whether the configuration in force is not that of the file any more.
  bool configuration_changed = false;
};

struct InstallationStatus {
  Installation installation;
  std::optional<std::uint32_t> server_key;  // of the wrapper that is there
  std::vector<std::string> faults;
  std::optional<RunningBroker> broker;
};

struct Status {
  Result<Configuration> configuration;
  std::vector<InstallationStatus> installations;
  std::vector<std::string> bad_records;
};

Result<std::optional<RunningBroker>> look_at_broker(const std::string& name,
                                                    const Result<Configuration>& configuration) {
  const auto found = find_broker(name);
  if (!found) return std::unexpected(found.error());
  const std::optional<BrokerProcess>& broker = *found;
  if (!broker) return std::nullopt;
  auto details = read_details(*broker);
  if (!details) return std::unexpected(details.error());
  const auto counters = counters_of(*broker);
  const bool changed = counters && configuration && counters->configuration_hash != configuration->hash;
  return RunningBroker{broker->pid, *std::move(details), counters, changed};
}

InstallationStatus look_at(Installation installation, std::string_view wrapper,
                           const Result<Configuration>& configuration) {
  InstallationStatus status;
  const auto distribution = read_distribution(installation.directory);
  if (distribution) {
    const HelperFile& helper = distribution->helper;
    if (helper.exists()) status.server_key = protocol::server_key(helper.status.st_dev, helper.status.st_ino);
    status.faults = adoption_faults(installation, *distribution, wrapper);
  } else {
    status.faults.push_back(distribution.error().what);
  }
  auto broker = look_at_broker(installation.name, configuration);
  if (broker) {
    status.broker = *std::move(broker);
  } else {
    status.faults.push_back(broker.error().what);
  }
  status.installation = std::move(installation);
  return status;
}

Result<Status> look() {
  const auto wrapper = read_installed_wrapper();
  if (!wrapper) return std::unexpected(wrapper.error());
  auto records = read_installations(paths::installations);
  if (!records) return error(to_string(records.error()));
  const auto configuration = load_configuration(paths::configuration);
  Status status;
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

ExitStatus exit_status(const Status& status) {
  bool sound = status.configuration.has_value() && status.bad_records.empty();
  bool running = false;
  for (const InstallationStatus& installation : status.installations) {
    sound = sound && installation.faults.empty();
    if (!installation.broker) continue;
    running = true;
    sound = sound && !installation.broker->configuration_changed;
  }
  if (!sound) return ExitStatus::findings;
  return running ? ExitStatus::fine : ExitStatus::not_running;
}

std::string hex(std::uint32_t key) {
  return fmt::format("{:#010x}", key);
}
std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

// Of all kinds of requests.
RequestCounts sum_of(const Counters& counters) {
  RequestCounts sum;
  for (const RequestCounts& each : counters.requests) {
    sum.done += each.done;
    sum.refused += each.refused;
    sum.failed += each.failed;
  }
  return sum;
}

std::string server_socket(const Installation& installation, std::uint32_t key) {
  return std::string(protocol::server_socket_name(*installation.profile, key).view());
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

void print_line(std::string_view what, std::string_view value) {
  fmt::print("  {:<18} {}\n", what, value);
}

void print_capabilities(std::string_view what, std::uint64_t mask) {
  print_line(what, mask == 0 ? "none" : fmt::format("{}", fmt::join(capability_names(mask), " ")));
}

// What the broker's kernel lacks.
std::vector<std::string> missing_features(const Counters& counters) {
  std::vector<std::string> missing;
  if ((counters.degraded & without_landlock) != 0) missing.emplace_back("Landlock");
  if ((counters.degraded & without_scm_pidfd) != 0) missing.emplace_back("SCM_PIDFD");
  return missing;
}

void print_counters(const Counters& counters, std::string_view difference) {
  if (const auto missing = missing_features(counters); !missing.empty()) {
    print_line("degraded", fmt::format("the kernel has no {}", fmt::join(missing, " and no ")));
  }
  print_line("in force", fmt::format("configuration {}{}", hash_text(counters.configuration_hash), difference));
  const RequestCounts requests = sum_of(counters);
  print_line("requests", fmt::format("datagrams {}, done {}, refused {}, failed {}", counters.datagrams,
                                     requests.done, requests.refused, requests.failed));
  print_line("log lines lost", fmt::format("{}", counters.log_lines_lost));
}

// How what is in force stands to the file.
std::string_view difference(const RunningBroker& broker, bool file_is_good) {
  if (!file_is_good) return ", which is not what the file says: that one is refused";
  if (!broker.configuration_changed) return "";
  return ", which is not the file's: that changed since the broker started, or its start could not have what it says";
}

void print_broker(const RunningBroker& broker, bool file_is_good) {
  const ProcessStatus& process = broker.details.status;
  print_line("broker", fmt::format("process {}, since {}", broker.pid, broker.details.started));
  print_line("identity", fmt::format("uid {}, gid {}", process.uid, process.gid));
  print_capabilities("permitted", process.permitted);
  print_capabilities("effective", process.effective);
  print_capabilities("bounding", process.bounding);
  print_line("no new privileges", process.no_new_privileges ? "yes" : "no");
  print_line("seccomp", seccomp_text(process.seccomp));
  if (broker.counters) print_counters(*broker.counters, difference(broker, file_is_good));
}

void print_installation(const InstallationStatus& status, bool file_is_good) {
  const Installation& installation = status.installation;
  fmt::print("{}\n", installation.name);
  print_line("directory", installation.directory);
  print_line("profile", installation.profile->name);
  print_line("release", installation.release);
  print_line("communication key", hex(installation.communication_key));
  if (status.server_key) {
    print_line("server key", hex(*status.server_key));
    print_line("server socket", server_socket(installation, *status.server_key));
  }
  print_line("adoption", status.faults.empty() ? "intact" : "damaged");
  for (const std::string& fault : status.faults) print_line("", fault);
  if (status.broker) {
    print_broker(*status.broker, file_is_good);
  } else {
    print_line("broker", "not running");
  }
}

void print_text(const Status& status) {
  fmt::print("secshr {}\n", paths::version);
  print_line("configuration", status.configuration ? fmt::format("{}, hash {}", paths::configuration,
                                                                 hash_text(status.configuration->hash))
                                                   : status.configuration.error().what);
  for (const std::string& bad : status.bad_records) print_line("bad record", bad);
  if (status.installations.empty()) print_line("installations", "none is adopted");
  for (const InstallationStatus& installation : status.installations) {
    print_installation(installation, status.configuration.has_value());
  }
}

nlohmann::ordered_json json_of(const Counters& counters) {
  const RequestCounts requests = sum_of(counters);
  return {{"datagrams", counters.datagrams},
          {"done", requests.done},
          {"refused", requests.refused},
          {"failed", requests.failed},
          {"log_lines_lost", counters.log_lines_lost}};
}

nlohmann::ordered_json json_of(const RunningBroker& broker) {
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
  if (broker.counters) {
    json["configuration_hash"] = hash_text(broker.counters->configuration_hash);
    json["configuration_changed"] = broker.configuration_changed;
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
                              {"communication_key", hex(installation.communication_key)},
                              {"server_key", nullptr},
                              {"server_socket", nullptr},
                              {"intact", status.faults.empty()},
                              {"faults", status.faults},
                              {"broker", nullptr}};
  if (status.server_key) {
    json["server_key"] = hex(*status.server_key);
    json["server_socket"] = server_socket(installation, *status.server_key);
  }
  if (status.broker) json["broker"] = json_of(*status.broker);
  return json;
}

void print_json(const Status& status) {
  nlohmann::ordered_json json{{"version", paths::version}, {"configuration", {{"file", paths::configuration}}}};
  if (status.configuration) {
    json["configuration"]["hash"] = hash_text(status.configuration->hash);
  } else {
    json["configuration"]["error"] = status.configuration.error().what;
  }
  json["bad_records"] = status.bad_records;
  json["installations"] = nlohmann::ordered_json::array();
  for (const InstallationStatus& installation : status.installations) {
    json["installations"].push_back(json_of(installation));
  }
  // A path that is no valid UTF-8 cannot be in a record, but one in an error text could be.
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace

Result<ExitStatus> show_status(bool as_json) {
  // The locks, and through them the brokers, are visible to root only.
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto status = look();
  if (!status) return std::unexpected(status.error());
  if (as_json) {
    print_json(*status);
  } else {
    print_text(*status);
  }
  return exit_status(*status);
}

}  // namespace secshr::admin
