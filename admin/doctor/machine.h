// What all checks look at, gathered once: what the administrator decided, what is adopted, who runs, and where
// sockets are.
#pragma once

#include <expected>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/brokers/broker_process.h"
#include "admin/doctor/report.h"
#include "admin/doctor/show_report.h"
#include "counters/counters_page.h"
#include "installation/configuration.h"
#include "installation/installation.h"

namespace secshr::admin {

struct RunningBroker {
  BrokerProcess process;
  std::optional<Counters> counters;  // none where it shows none
};

struct Adopted {
  Installation installation;
  std::optional<RunningBroker> broker;

  [[nodiscard]] std::string run_directory() const;  // of the broker that runs, or would
};

struct InspectedDirectory {
  std::string path;
  bool is_pinned = false;  // by the configuration
};

struct Machine {
  std::expected<Configuration, ConfigurationError> configuration;
  std::vector<Adopted> adopted;
  std::vector<ConfigurationError> bad_records;
  // Those that the configuration names, that the brokers serve or have served last, and the caller's own $gtm_tmp;
  // where there is none of these, /tmp, which is everybody's.
  std::vector<InspectedDirectory> directories;

  [[nodiscard]] Scope scope() const;
  // Of what is adopted, each once.
  [[nodiscard]] std::set<const protocol::Profile*> profiles() const;
};

Machine gather(Report& report);

// "/srv", "/", … without the path itself, the innermost first.
std::vector<std::string> directories_above(const std::string& path);

}  // namespace secshr::admin
