// What there is to be known of the installations and their brokers at one moment, for all who show it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "admin/brokers/broker_process.h"
#include "admin/failure.h"
#include "admin/helper_key.h"
#include "admin/log/log_entry.h"
#include "counters/counters_page.h"
#include "installation/configuration.h"
#include "installation/installation.h"
#include "installation/lockdown.h"

namespace secshr::admin {

struct ShownBroker {
  pid_t pid = 0;
  BrokerDetails details;
  std::optional<Counters> counters;  // none where it shows none
  // Whether the configuration in force is not that of the file any more.
  bool configuration_changed = false;
  // As they are called now; nullopt where it does not say.
  std::optional<std::vector<std::string>> directories;
};

struct InstallationStatus {
  Installation installation;
  std::optional<HelperKey> server;  // of the wrapper that is there
  std::vector<std::string> faults;  // of the adoption
  std::optional<ShownBroker> broker;
  std::string broker_fault;        // why nobody can tell whether there is one
  std::vector<LogEntry> refusals;  // the last few
};

struct Status {
  Result<Configuration> configuration;
  std::expected<std::optional<Lockdown>, ConfigurationError> lockdown;
  std::vector<InstallationStatus> installations;
  std::vector<std::string> bad_records;
};

// As root, who alone sees the locks and through them the brokers.
Result<Status> look_at_all();
// Findings where something is not as it should be, not_running where no broker runs.
ExitStatus exit_status_of(const Status& status);

// Of all kinds of requests.
RequestCounts sum_of(const Counters& counters);
bool has_landlock(const Counters& counters);
// What the broker's kernel lacks.
std::vector<std::string> missing_features(const Counters& counters);
std::string hash_text(std::uint64_t hash);
std::string seccomp_text(unsigned mode);

}  // namespace secshr::admin
