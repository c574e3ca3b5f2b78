#include "admin/doctor/machine.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "admin/look.h"
#include "secshr/start/recall_directories.h"
#include "secshr_paths.h"
#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

Adopted look_at_adopted(Installation installation, Report& report) {
  Adopted adopted;
  auto found = find_broker(installation.name);
  if (!found) {
    report.could_not_look(fmt::format("{}/{}", paths::run, installation.name), found.error().what);
  } else if (*found) {
    BrokerProcess process = *std::move(*found);
    const auto counters = counters_of(process);
    adopted.broker.emplace(std::move(process), counters);
  }
  adopted.installation = std::move(installation);
  return adopted;
}

void gather_adopted(Machine& machine, Report& report) {
  auto records = read_installations(paths::installations);
  if (!records) return report.could_not_look(paths::installations, to_string(records.error()));
  for (Installation& installation : records->good) {
    machine.adopted.push_back(look_at_adopted(std::move(installation), report));
  }
  machine.bad_records = std::move(records->bad);
}

void add_directory(Machine& machine, std::string path, bool is_pinned) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto known = std::ranges::find(machine.directories, path, &InspectedDirectory::path);
  if (known == machine.directories.end()) {
    machine.directories.push_back({std::move(path), is_pinned});
  } else {
    known->is_pinned = known->is_pinned || is_pinned;
  }
}

void add_served(Machine& machine, const Adopted& adopted) {
  const RootControlled opened = open_root_controlled(adopted.run_directory().c_str(), O_PATH | O_DIRECTORY);
  const Descriptor place(opened.descriptor);
  const auto list = look_at(adopted.run_directory() + "/directories");
  if (opened.fault != PathFault::none || !list || !S_ISREG(list->st_mode)) return;
  for (RememberedDirectory& served : recall_directories(place.get())) {
    add_directory(machine, std::move(served.name), false);
  }
}

void add_callers(Machine& machine, const Adopted& adopted) {
  for (const std::string_view variable : adopted.installation.profile->tmp_variables) {
    const char* const value = std::getenv(std::string(variable).c_str());
    if (value != nullptr && *value == '/') return add_directory(machine, value, false);
  }
}

void gather_directories(Machine& machine) {
  if (machine.configuration) {
    for (const std::string& path : machine.configuration->pinned_directories) add_directory(machine, path, true);
  }
  for (const Adopted& adopted : machine.adopted) {
    add_served(machine, adopted);
    add_callers(machine, adopted);
  }
  if (machine.directories.empty()) add_directory(machine, "/tmp", false);
}

}  // namespace

std::string Adopted::run_directory() const {
  return broker ? broker->process.place : fmt::format("{}/{}", paths::run, installation.name);
}

Scope Machine::scope() const {
  Scope scope;
  for (const Adopted& each : adopted) scope.installations.push_back(each.installation.name);
  for (const InspectedDirectory& each : directories) scope.directories.push_back(each.path);
  return scope;
}

std::set<const protocol::Profile*> Machine::profiles() const {
  std::set<const protocol::Profile*> profiles;
  for (const Adopted& each : adopted) profiles.insert(each.installation.profile);
  return profiles;
}

std::vector<std::string> directories_above(const std::string& path) {
  std::vector<std::string> above;
  for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/', slash - 1)) {
    above.push_back(path.substr(0, slash));
  }
  if (path != "/") above.emplace_back("/");
  return above;
}

Machine gather(Report& report) {
  Machine machine;
  machine.configuration = load_configuration(paths::configuration);
  gather_adopted(machine, report);
  gather_directories(machine);
  return machine;
}

}  // namespace secshr::admin
