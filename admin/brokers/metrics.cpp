#include "admin/brokers/metrics.h"

#include <fmt/format.h>

#include <cstddef>
#include <functional>
#include <iterator>
#include <string_view>

namespace secshr::admin {
namespace {

using Text = std::back_insert_iterator<std::string>;

struct Metric {
  const char* name;
  const char* type;
  const char* help;
  // Adds its lines for one installation. What a name of an installation may hold needs no escaping.
  std::function<void(Text, const Metric&, const InstallationStatus&)> add;
};

void add_sample(Text text, const Metric& metric, const InstallationStatus& status, std::string_view labels,
                std::uint64_t value) {
  fmt::format_to(text, "{}{{installation=\"{}\"{}}} {}\n", metric.name, status.installation.name, labels, value);
}

// One number of the counters page.
Metric counter(const char* name, const char* type, const char* help, std::uint64_t Counters::* member) {
  return {name, type, help, [member](Text text, const Metric& metric, const InstallationStatus& status) {
            add_sample(text, metric, status, "", (*status.broker->counters).*member);
          }};
}

void add_requests(Text text, const Metric& metric, const InstallationStatus& status) {
  const Counters& counters = *status.broker->counters;
  for (std::size_t kind = 0; kind < counted_requests.size(); ++kind) {
    const RequestCounts& counts = counters.requests[kind];
    const auto add = [&](std::string_view outcome, std::uint64_t value) {
      add_sample(text, metric, status, fmt::format(",request=\"{}\",outcome=\"{}\"", counted_requests[kind], outcome),
                 value);
    };
    add("done", counts.done);
    add("refused", counts.refused);
    add("failed", counts.failed);
  }
}

void add_refusals(Text text, const Metric& metric, const InstallationStatus& status) {
  const Counters& counters = *status.broker->counters;
  for (std::size_t rule = 0; rule < counted_rules.size(); ++rule) {
    add_sample(text, metric, status, fmt::format(",rule=\"{}\"", counted_rules[rule]),
               counters.refused_by_rule[rule]);
  }
  add_sample(text, metric, status, ",rule=\"\"", counters.refused_otherwise);
}

void add_degraded(Text text, const Metric& metric, const InstallationStatus& status) {
  const std::uint64_t bits = status.broker->counters->degraded;
  add_sample(text, metric, status, ",feature=\"landlock\"", (bits & without_landlock) != 0 ? 1 : 0);
  add_sample(text, metric, status, ",feature=\"scm_pidfd\"", (bits & without_scm_pidfd) != 0 ? 1 : 0);
}

void add_metric(Text text, const Metric& metric, const Status& status, bool (*applies)(const InstallationStatus&)) {
  fmt::format_to(text, "# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help, metric.name, metric.type);
  for (const InstallationStatus& each : status.installations) {
    if (applies(each)) metric.add(text, metric, each);
  }
}

bool always(const InstallationStatus&) noexcept {
  return true;
}
bool has_counters(const InstallationStatus& status) noexcept {
  return status.broker && status.broker->counters;
}

}  // namespace

std::string metrics_of(const Status& status) {
  std::string shown;
  const Text text(shown);
  add_metric(text,
             {"secshr_up", "gauge", "Whether a broker serves the installation.",
              [](Text to, const Metric& metric, const InstallationStatus& each) {
                add_sample(to, metric, each, "", each.broker ? 1 : 0);
              }},
             status, always);
  add_metric(text,
             {"secshr_adoption_intact", "gauge", "Whether the installation's wrapper is as secshrctl adopt left it.",
              [](Text to, const Metric& metric, const InstallationStatus& each) {
                add_sample(to, metric, each, "", each.faults.empty() ? 1 : 0);
              }},
             status, always);
  const Metric of_counters[] = {
      counter("secshr_start_time_seconds", "gauge", "When the broker started, since the epoch.", &Counters::started),
      counter("secshr_datagrams_total", "counter", "Datagrams received and dealt with.", &Counters::datagrams),
      counter("secshr_dropped_total", "counter", "Datagrams that were no request that could be answered.",
              &Counters::dropped),
      {"secshr_requests_total", "counter", "Requests, by kind and by what came of them.", add_requests},
      {"secshr_refused_total", "counter", "Refusals, by rule; of none: malformed requests.", add_refusals},
      counter("secshr_replies_unsent_total", "counter", "Replies that their client could not be sent.",
              &Counters::replies_unsent),
      counter("secshr_leftovers_removed_total", "counter", "Socket files of dead processes that were removed.",
              &Counters::leftovers_removed),
      counter("secshr_log_lines_lost_total", "counter", "Lines of the audit log that its disk did not take.",
              &Counters::log_lines_lost),
      counter("secshr_parked", "gauge", "Requests that wait for a helper.", &Counters::parked),
      counter("secshr_parked_most", "gauge", "The most that have waited at a time.", &Counters::parked_most),
      {"secshr_degraded", "gauge", "What the broker has to do without, since its kernel lacks it.", add_degraded},
  };
  for (const Metric& metric : of_counters) add_metric(text, metric, status, has_counters);
  fmt::format_to(text,
                 "# HELP secshr_lockdown Whether none but administrators are served.\n# TYPE secshr_lockdown gauge\n"
                 "secshr_lockdown {}\n",
                 !status.lockdown || *status.lockdown ? 1 : 0);
  return shown;
}

}  // namespace secshr::admin
