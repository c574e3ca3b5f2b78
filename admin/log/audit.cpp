#include "admin/log/audit.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "admin/log/audit_filter.h"
#include "admin/log/log_entry.h"
#include "admin/log/log_follower.h"
#include "admin/log/log_summary.h"
#include "admin/log/log_text.h"
#include "admin/log/summary_text.h"
#include "admin/wanted_installations.h"
#include "installation/configuration.h"
#include "secshr/start/root_directories.h"
#include "secshr_paths.h"
#include "system/same_file.h"

namespace secshr::admin {
namespace {

// How often a log that is followed is looked at.
constexpr std::chrono::milliseconds pause{200};

volatile std::sig_atomic_t must_end = 0;

// SIGINT ends it in order, even where whoever started it has that ignored.
void catch_signals() {
  struct sigaction end{};
  // Nothing is written by halves; a second one ends it at once.
  end.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  end.sa_handler = [](int) { must_end = 1; };
  for (const int signal : {SIGINT, SIGTERM}) (void)sigaction(signal, &end, nullptr);
}

// False where nobody reads the standard output any more.
bool wait_a_while() {
  pollfd output{STDOUT_FILENO, 0, 0};
  return ::poll(&output, 1, static_cast<int>(pause.count())) <= 0;
}

struct Log {
  std::string name;  // of the installation
  std::string path;
};

Result<std::vector<Log>> wanted_logs(const std::optional<std::string>& name) {
  const auto configuration = load_configuration(paths::configuration);
  if (!configuration) return error(to_string(configuration.error()));
  const auto installations = wanted_installations(name);
  if (!installations) return std::unexpected(installations.error());
  std::vector<Log> logs;
  for (const Installation& each : *installations) {
    logs.push_back({each.name, fmt::format("{}/{}/{}", configuration->log_directory, each.name, log_name)});
  }
  return logs;
}

void say_that_there_is_none(const Log& log) {
  fmt::print(stderr, "{}: there is no log yet: {}\n", log.name, log.path);
}

// Shows what is wanted of a log's lines, and all that are not of its form: what these are nobody can tell.
class Printer {
 public:
  Printer(const LogFilter& filter, bool as_json, bool with_names)
      : filter_(filter), as_json_(as_json), with_names_(with_names) {}

  void take(const std::string& name, const FileLine& line) {
    const auto entry = line.is_whole() ? parse_log_entry(line.text) : std::nullopt;
    if (!entry) ++odd_;
    if (!entry) return print(name, line);
    if (is_wanted(filter_, *entry)) print(name, *entry);
  }
  ExitStatus end() const {
    if (odd_ == 0) return ExitStatus::fine;
    (void)std::fflush(stdout);
    fmt::print(stderr,
               "secshrctl: lines that are not of the log's form: {} (a disk was full, or somebody else wrote them)\n",
               odd_);
    return ExitStatus::findings;
  }

 private:
  template <class Shown>
  void print(const std::string& name, const Shown& shown) const {
    fmt::print("{}\n", as_json_ ? json_of(shown, name).dump() : text_of(shown, with_names_ ? name : ""));
  }

  const LogFilter& filter_;
  bool as_json_;
  bool with_names_;
  std::uint64_t odd_ = 0;
};

// The log and, before it, what was renamed last. Opened in the other order, so that what is renamed meanwhile is
// there twice and not missing.
Result<std::vector<Descriptor>> open_logs(const Log& log) {
  auto current = open_log_to_read(log.path);
  if (!current) return std::unexpected(current.error());
  auto rotated = open_log_to_read(log.path + ".1");
  if (!rotated) return std::unexpected(rotated.error());
  std::vector<Descriptor> files;
  if (*rotated && !(*current && same_file((*current)->get(), (*rotated)->get())))
    files.push_back(*std::move(*rotated));
  if (*current) files.push_back(*std::move(*current));
  return files;
}

Result<void> read_whole(const Log& log, const TakeLine& take) {
  auto files = open_logs(log);
  if (!files) return std::unexpected(files.error());
  if (files->empty()) say_that_there_is_none(log);
  for (Descriptor& file : *files) {
    LineReader reader(std::move(file));
    while (true) {
      const auto line = reader.next();
      if (!line) return error(fmt::format("{}: cannot read: {}", log.path, std::strerror(line.error())));
      if (!*line) break;
      take(**line);
    }
    if (const auto rest = reader.take_rest()) take(*rest);
  }
  return {};
}

Result<ExitStatus> list(const std::vector<Log>& logs, Printer& printer) {
  for (const Log& log : logs) {
    const auto read = read_whole(log, [&](const FileLine& line) { printer.take(log.name, line); });
    if (!read) return std::unexpected(read.error());
  }
  return printer.end();
}

Result<ExitStatus> follow(const std::vector<Log>& logs, bool from_the_start, Printer& printer) {
  catch_signals();
  const auto begin = from_the_start ? LogFollower::Begin::at_the_start : LogFollower::Begin::with_the_last_lines;
  std::vector<LogFollower> followers;
  followers.reserve(logs.size());
  for (const Log& log : logs) followers.emplace_back(log.path, begin);
  const auto takes = [&](std::size_t index) {
    return [&printer, &name = logs[index].name](const FileLine& line) { printer.take(name, line); };
  };
  do {
    for (std::size_t index = 0; index < logs.size(); ++index) {
      if (auto polled = followers[index].poll(takes(index)); !polled) return std::unexpected(polled.error());
    }
    if (std::fflush(stdout) != 0) break;
  } while (must_end == 0 && wait_a_while());
  for (std::size_t index = 0; index < logs.size(); ++index) followers[index].take_rests(takes(index));
  return printer.end();
}

Result<ExitStatus> summarise(const std::vector<Log>& logs, const LogFilter& filter, bool as_json) {
  ExitStatus status = ExitStatus::fine;
  auto document = nlohmann::ordered_json::array();
  for (const Log& log : logs) {
    LogSummary summary;
    const auto read = read_whole(log, [&](const FileLine& line) {
      const auto entry = line.is_whole() ? parse_log_entry(line.text) : std::nullopt;
      if (entry) {
        summary.add(*entry, filter);
      } else {
        summary.add_odd();
      }
    });
    if (!read) return std::unexpected(read.error());
    if (summary.odd > 0) status = ExitStatus::findings;
    if (as_json) {
      document.push_back(json_of(summary, log.name));
    } else {
      fmt::print("{}", text_of(summary, log.name));
    }
  }
  if (as_json) fmt::print("{}\n", nlohmann::ordered_json{{"installations", document}}.dump(2));
  return status;
}

}  // namespace

Result<ExitStatus> audit(const AuditRequest& request) {
  const auto filter =
      make_filter(request, std::chrono::time_point_cast<LogTime::duration>(std::chrono::system_clock::now()));
  if (!filter) return std::unexpected(filter.error());
  // The log is for root's eyes: it says what all users do.
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto logs = wanted_logs(request.name);
  if (!logs) return std::unexpected(logs.error());
  if (request.summary) return summarise(*logs, *filter, request.as_json);
  Printer printer(*filter, request.as_json, logs->size() > 1);
  if (request.follow) return follow(*logs, request.since.has_value(), printer);
  return list(*logs, printer);
}

}  // namespace secshr::admin
