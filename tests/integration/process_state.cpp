#include "tests/integration/process_state.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "secshr/limits.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) pids.push_back(std::stoi(name));
  }
  std::ranges::sort(pids);
  return pids;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

ProcessStatus status_of(pid_t pid) {
  ProcessStatus status;
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    std::ranges::replace(line, '\t', ' ');
    const auto colon = line.find(':');
    if (colon != std::string::npos) status[line.substr(0, colon)] = trimmed(line.substr(colon + 1));
  }
  return status;
}

bool is_running(pid_t pid) {
  const auto status = status_of(pid);
  const auto state = status.find("State");
  return state != status.end() && !state->second.starts_with('Z') && !state->second.starts_with('X');
}

std::vector<pid_t> BrokerProcesses::all() const {
  std::vector<pid_t> result;
  for (const auto* part : {&brokers, &looker_supervisors, &lookers, &writer_supervisors, &writers,
                           &recorder_supervisors, &recorders, &watchers}) {
    result.insert(result.end(), part->begin(), part->end());
  }
  return result;
}

bool BrokerProcesses::complete() const {
  return brokers.size() == 1 && looker_supervisors.size() == 1 && lookers.size() >= limits::looker_workers &&
         writer_supervisors.size() == 1 && writers.size() >= limits::writer_workers && !recorders.empty() &&
         recorder_supervisors.size() == recorders.size();
}

namespace {

int filters_of(pid_t pid) {
  const auto status = status_of(pid);
  return status.contains("Seccomp_filters") ? std::stoi(status.at("Seccomp_filters")) : 0;
}

// Of its workers the starter waits for the first only.
bool are_confined(const std::vector<pid_t>& workers, const std::vector<pid_t>& supervisors) {
  const int most = filters_of(supervisors.front());
  return std::ranges::all_of(workers, [&](pid_t worker) { return filters_of(worker) > most; });
}

}  // namespace

BrokerProcesses wait_for_processes() {
  BrokerProcesses found;
  EXPECT_TRUE(eventually([&] {
    found = find_broker_processes();
    return found.complete() && are_confined(found.lookers, found.looker_supervisors) &&
           are_confined(found.writers, found.writer_supervisors) &&
           are_confined(found.recorders, found.recorder_supervisors);
  })) << "the broker's processes are not what they should be";
  return found;
}

// A helper's worker is a child of a process of the same name, its supervisor is not.
BrokerProcesses find_broker_processes() {
  BrokerProcesses found;
  for (const pid_t pid : all_pids()) {
    const auto status = status_of(pid);
    if (!status.contains("Name") || !is_running(pid)) continue;
    const std::string& name = status.at("Name");
    if (!name.starts_with("secshrd")) continue;
    const auto parent = status_of(std::stoi(status.at("PPid")));
    const bool worker = parent.contains("Name") && parent.at("Name") == name;
    if (name == "secshrd-looker") {
      (worker ? found.lookers : found.looker_supervisors).push_back(pid);
    } else if (name == "secshrd-writer") {
      (worker ? found.writers : found.writer_supervisors).push_back(pid);
    } else if (name == "secshrd-log" || name == "secshrd-copy") {
      (worker ? found.recorders : found.recorder_supervisors).push_back(pid);
    } else if (name == "secshrd-end") {
      found.watchers.push_back(pid);
    } else {
      found.brokers.push_back(pid);
    }
  }
  return found;
}

std::vector<pid_t> all_other_processes() {
  auto pids = all_pids();
  std::erase_if(pids, [](pid_t pid) { return pid == 1 || pid == ::getpid() || !is_running(pid); });
  return pids;
}

void stop(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    EXPECT_EQ(::kill(pid, SIGSTOP), 0);
    EXPECT_TRUE(eventually([pid] { return status_of(pid).at("State").starts_with('T'); }));
  }
}

void resume(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) (void)::kill(pid, SIGCONT);
}

void kill_recorders() {
  const auto found = find_broker_processes();
  // Where a supervisor dies first the broker may end, and the others with it, before it is their turn.
  stop(found.recorder_supervisors);
  for (const auto* pids : {&found.recorders, &found.recorder_supervisors}) {
    for (const pid_t pid : *pids) EXPECT_EQ(::kill(pid, SIGKILL), 0);
  }
}

std::map<int, std::string> descriptors_of(pid_t pid) {
  std::map<int, std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code closed;  // since it was listed
    std::string target = fs::read_symlink(entry.path(), closed);
    if (closed) continue;
    if (target.starts_with("socket:")) target = "socket";
    if (target.starts_with("pipe:")) target = "pipe";
    found[std::stoi(entry.path().filename())] = target;
  }
  return found;
}

HiddenProcesses::HiddenProcesses() {
  EXPECT_EQ(::mount(nullptr, "/proc", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2"), 0);
}
HiddenProcesses::~HiddenProcesses() {
  EXPECT_EQ(::mount(nullptr, "/proc", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=0"), 0);
}

void pause_briefly() {
  (void)::usleep(2000);
}

}  // namespace secshr::test
