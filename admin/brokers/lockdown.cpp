#include "admin/brokers/lockdown.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "admin/adoption/undo.h"
#include "admin/brokers/broker_process.h"
#include "admin/files.h"
#include "admin/leftovers/directory_names.h"
#include "admin/single_run.h"
#include "installation/group_file.h"
#include "installation/installation.h"
#include "installation/limits.h"
#include "installation/lockdown.h"
#include "installation/root_file.h"
#include "secshr/instance_lock.h"
#include "secshr_paths.h"
#include "system/root_controlled.h"
#include "system/system_log.h"

namespace secshr::admin {
namespace {

// Longer than a start takes.
constexpr std::chrono::seconds turn_deadline{20};

Result<gid_t> group_number(const std::string& group) {
  std::int64_t number = 0;
  const char* const end = group.data() + group.size();
  const auto parsed = std::from_chars(group.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end && number >= 0 && number <= limits::largest_group) {
    return static_cast<gid_t>(number);
  }
  const auto found = find_group(group_file, group);
  if (found) return *found;
  return std::unexpected(
      Failure{ExitStatus::usage, fmt::format("{}: there is no such group in {}", group, group_file)});
}

// A starter that has its turn may have read what was in force before. When the turn was ours everybody has read what
// is there now, or is a broker that can be found.
Result<void> let_starters_finish(const std::string& place) {
  const RootControlled opened = open_root_controlled(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened.fault == PathFault::missing) return {};
  if (opened.fault != PathFault::none) return error(fmt::format("{}: {}", place, describe(opened.fault)));
  const Descriptor directory(opened.descriptor);
  auto lock = InstanceLock::open(directory.get());
  if (!lock) return error(fmt::format("{}/lock: {}", place, std::strerror(lock.error())));
  const auto deadline = std::chrono::steady_clock::now() + turn_deadline;
  while (!lock->try_take(InstanceLock::Part::turn)) {
    if (std::chrono::steady_clock::now() >= deadline)
      return refused(fmt::format("{}: a start does not come to an end", place));
    (void)poll(nullptr, 0, 5);
  }
  return {};
}

// Every later one goes by the file that is there now. One that runs is ended also where a start is in its way: that
// one may have read the file by now.
Result<BrokerEnd> renew_brokers_of(const std::string& name) {
  Result<void> passed;
  for (const std::string& place : places_of(name)) {
    if (auto one = let_starters_finish(place); !one) passed = std::move(one);
  }
  auto ended = end_brokers(name);
  if (ended && !passed) return std::unexpected(passed.error());
  return ended;
}

// By their places and not by the records: a broker outlives one that was removed or spoilt.
Result<std::vector<std::string>> names_of_places() {
  const RootControlled opened = open_root_controlled(paths::run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened.fault == PathFault::missing) return std::vector<std::string>();
  if (opened.fault != PathFault::none) return error(fmt::format("{}: {}", paths::run, explain(opened.fault)));
  const Descriptor directory(opened.descriptor);
  auto names = names_in_directory(directory.get());
  if (!names) return error(fmt::format("{}: {}", paths::run, names.error().what));
  std::erase_if(*names, [](const std::string& name) { return !is_installation_name(name); });
  std::ranges::sort(*names);
  return names;
}

// What was wished is on disk; where it does not hold yet, that is what has to be said. One that cannot be renewed
// keeps no other from being.
Result<ExitStatus> put_in_force(const char* wished) {
  const auto names = names_of_places();
  std::vector<std::string> faults;
  if (!names) faults.push_back(names.error().what);
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const auto ended = renew_brokers_of(name);
    if (!ended) {
      faults.push_back(fmt::format("{}: {}", name, ended.error().what));
    } else if (*ended == BrokerEnd::ended) {
      fmt::print("{}: the broker has ended; the next client starts another\n", name);
    }
  }
  if (faults.empty()) return ExitStatus::fine;
  return error(
      fmt::format("{}, but NOT YET IN FORCE: {}; mend this and say it again", wished, fmt::join(faults, "; ")));
}

}  // namespace

Result<ExitStatus> lockdown_on(const std::string& group) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto number = group_number(group);
  if (!number) return std::unexpected(number.error());
  // Two at a time could undo each other's.
  const auto lock = take_single_run_lock();
  if (!lock) return std::unexpected(lock.error());
  Undo undo;
  if (auto done = replace_with_contents(paths::lockdown, format_lockdown({*number}), {0644, 0}, undo); !done) {
    return std::unexpected(done.error());
  }
  undo.dismiss();
  (void)remove_temporaries(paths::lockdown);  // or the next one does
  log_to_system("lockdown", fmt::format("on: only root and group {} are served", *number).c_str());
  fmt::print("lockdown is on: only root and group {} are served\n", *number);
  return put_in_force("the lockdown is on");
}

Result<ExitStatus> lockdown_off() {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto lock = take_single_run_lock();
  if (!lock) return std::unexpected(lock.error());
  if (auto done = remove_if_there(paths::lockdown); !done) return std::unexpected(done.error());
  if (auto done = sync_directory_of(paths::lockdown); !done) return std::unexpected(done.error());
  log_to_system("lockdown", "off");
  fmt::print("lockdown is off\n");
  return put_in_force("the lockdown is off");
}

Result<ExitStatus> show_lockdown(bool as_json) {
  const auto found = load_lockdown(paths::lockdown);
  const bool is_on = !found || *found;
  const gid_t group = found && *found ? (*found)->group : 0;
  if (as_json) {
    nlohmann::ordered_json shown;
    shown["lockdown"] = is_on;
    shown["group"] = is_on ? nlohmann::ordered_json(group) : nlohmann::ordered_json();
    shown["fault"] = found ? nlohmann::ordered_json() : nlohmann::ordered_json(to_string(found.error()));
    fmt::print("{}\n", shown.dump(2));
  } else if (!is_on) {
    fmt::print("lockdown is off\n");
  } else {
    fmt::print("lockdown is on: only root and group {} are served\n", group);
    if (!found) fmt::print("  {}\n", to_string(found.error()));
  }
  return is_on ? ExitStatus::findings : ExitStatus::fine;
}

}  // namespace secshr::admin
