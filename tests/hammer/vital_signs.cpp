#include "tests/hammer/vital_signs.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

long proportional_kilobytes_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Pss:")) return std::stol(line.substr(4));
  }
  return 0;
}

std::vector<pid_t> all_zombies() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto status = status_of(std::stoi(name));
    if (status.contains("State") && status.at("State").starts_with('Z')) found.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace

std::size_t VitalSigns::all_descriptors() const {
  std::size_t sum = 0;
  for (const auto& [pid, count] : descriptors) sum += count;
  return sum;
}

VitalSigns vital_signs() {
  VitalSigns signs;
  for (const pid_t pid : find_broker_processes().all()) {
    signs.descriptors[pid] = descriptors_of(pid).size();
    signs.kilobytes += proportional_kilobytes_of(pid);
  }
  signs.zombies = all_zombies();
  return signs;
}

std::ostream& operator<<(std::ostream& out, const VitalSigns& signs) {
  out << signs.kilobytes << " KiB, descriptors";
  for (const auto& [pid, count] : signs.descriptors) out << " " << pid << ":" << count;
  return out;
}

}  // namespace secshr::test
