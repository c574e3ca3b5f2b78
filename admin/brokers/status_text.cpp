#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <string_view>

#include "admin/brokers/show_status.h"
#include "admin/log/log_text.h"
#include "admin/style.h"
#include "secshr/audit/logfmt.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

using Text = std::back_insert_iterator<std::string>;

void add_line(Text text, std::string_view what, std::string_view value) {
  fmt::format_to(text, "  {:<18} {}\n", what, value);
}

void add_line(Text text, std::string_view what, std::string_view value, Colour colour) {
  add_line(text, what, coloured(value, colour));
}

void add_capabilities(Text text, std::string_view what, std::uint64_t mask) {
  add_line(text, what, mask == 0 ? "none" : fmt::format("{}", fmt::join(capability_names(mask), " ")));
}

void add_counters(Text text, const Counters& counters, std::string_view difference) {
  if (const auto missing = missing_features(counters); !missing.empty()) {
    add_line(text, "degraded", fmt::format("the kernel has no {}", fmt::join(missing, " and no ")), Colour::warning);
  }
  add_line(text, "in force",
           fmt::format("configuration {}{}", hash_text(counters.configuration_hash),
                       difference.empty() ? "" : coloured(difference, Colour::warning)));
  const RequestCounts requests = sum_of(counters);
  add_line(text, "requests",
           fmt::format("datagrams {}, done {}, refused {}, failed {}", counters.datagrams, requests.done,
                       requests.refused, requests.failed));
  for (std::size_t rule = 0; rule < counted_rules.size(); ++rule) {
    const std::uint64_t count = counters.refused_by_rule[rule];
    if (count != 0) add_line(text, "", fmt::format("refused by {}: {}", counted_rules[rule], count));
  }
  add_line(text, "log lines lost", fmt::format("{}", counters.log_lines_lost));
}

// How what is in force stands to the file.
std::string_view difference(const ShownBroker& broker, bool file_is_good) {
  if (!file_is_good) return ", which is not what the file says: that one is refused";
  if (!broker.configuration_changed) return "";
  return ", which is not the file's: that changed since the broker started, or its start could not have what it says";
}

void add_broker(Text text, const ShownBroker& broker, bool file_is_good) {
  const ProcessStatus& process = broker.details.status;
  add_line(text, "broker", fmt::format("process {}, since {}", broker.pid, broker.details.started));
  add_line(text, "identity", fmt::format("uid {}, gid {}", process.uid, process.gid));
  add_capabilities(text, "permitted", process.permitted);
  add_capabilities(text, "effective", process.effective);
  add_capabilities(text, "bounding", process.bounding);
  add_line(text, "no new privileges", process.no_new_privileges ? "yes" : "no");
  add_line(text, "seccomp", seccomp_text(process.seccomp));
  if (broker.counters) add_line(text, "Landlock", has_landlock(*broker.counters) ? "in force" : "none");
  if (broker.directories) {
    const auto& served = *broker.directories;
    add_line(text, "directories", served.empty() ? "none" : log_value(served.front()));
    for (std::size_t each = 1; each < served.size(); ++each) add_line(text, "", log_value(served[each]));
  }
  if (broker.counters) add_counters(text, *broker.counters, difference(broker, file_is_good));
}

void add_installation(Text text, const InstallationStatus& status, bool file_is_good) {
  const Installation& installation = status.installation;
  fmt::format_to(text, "{}\n", coloured(installation.name, Colour::strong));
  add_line(text, "directory", installation.directory);
  add_line(text, "profile", installation.profile->name);
  add_line(text, "release", installation.release);
  add_line(text, "communication key", key_text(installation.communication_key));
  if (status.server) {
    add_line(text, "server key", key_text(status.server->key));
    add_line(text, "server socket", status.server->socket);
  }
  const bool is_intact = status.faults.empty();
  add_line(text, "adoption", is_intact ? "intact" : "damaged", is_intact ? Colour::good : Colour::bad);
  for (const std::string& fault : status.faults) add_line(text, "", fault);
  if (status.broker) {
    add_broker(text, *status.broker, file_is_good);
  } else if (!status.broker_fault.empty()) {
    add_line(text, "broker", "cannot be looked at: " + status.broker_fault, Colour::bad);
  } else {
    add_line(text, "broker", "not running", Colour::warning);
  }
  for (const LogEntry& refusal : status.refusals) {
    add_line(text, &refusal == &status.refusals.front() ? "refused lately" : "", text_of(refusal, {}));
  }
}

}  // namespace

std::string text_of(const Status& status) {
  std::string shown;
  const Text text(shown);
  fmt::format_to(text, "secshr {}\n", paths::version);
  if (status.configuration) {
    add_line(text, "configuration",
             fmt::format("{}, hash {}", paths::configuration, hash_text(status.configuration->hash)));
  } else {
    add_line(text, "configuration", status.configuration.error().what, Colour::bad);
  }
  if (!status.lockdown) {
    add_line(text, "lockdown", fmt::format("on, for all but root: {}", to_string(status.lockdown.error())),
             Colour::bad);
  } else if (*status.lockdown) {
    add_line(text, "lockdown", fmt::format("on: only root and group {} are served", (*status.lockdown)->group),
             Colour::warning);
  }
  for (const std::string& bad : status.bad_records) add_line(text, "bad record", bad, Colour::bad);
  if (status.installations.empty()) add_line(text, "installations", "none is adopted");
  for (const InstallationStatus& installation : status.installations) {
    add_installation(text, installation, status.configuration.has_value());
  }
  return shown;
}

}  // namespace secshr::admin
