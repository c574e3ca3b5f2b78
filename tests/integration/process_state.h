// What the kernel says of the broker's processes, read as root from outside of them.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace secshr::test {

// /proc/<pid>/status: key and value, tabs as blanks, without blanks at either end.
using ProcessStatus = std::map<std::string, std::string>;
ProcessStatus status_of(pid_t pid);
bool is_running(pid_t pid);  // and no zombie

// Everything that belongs to the broker and its helpers, by role.
struct BrokerProcesses {
  std::vector<pid_t> brokers;  // named secshrd
  std::vector<pid_t> looker_supervisors;
  std::vector<pid_t> lookers;
  std::vector<pid_t> writer_supervisors;
  std::vector<pid_t> writers;
  std::vector<pid_t> recorder_supervisors;  // of the log, and of its copy
  std::vector<pid_t> recorders;
  std::vector<pid_t> watchers;  // of brokers that were told to leave
  [[nodiscard]] std::vector<pid_t> all() const;
  // One broker with its supervisors and at least as many workers as each should have.
  [[nodiscard]] bool complete() const;
};
BrokerProcesses find_broker_processes();
// All of the private world but its first process and the test: also a wrapper's child that has executed nothing yet.
std::vector<pid_t> all_other_processes();

// As root; stop() returns when all of them have stopped. The first that goes on may be what ends the others.
void stop(const std::vector<pid_t>& pids);
void resume(const std::vector<pid_t>& pids);
// All that write the log, and whoever would replace them.
void kill_recorders();

// Number and what it is: the link's text without numbers ("socket", "anon_inode:[signalfd]", "/dev/null").
std::map<int, std::string> descriptors_of(pid_t pid);

// While it lives, /proc shows other users' processes to root alone (hidepid). In the private world only.
class HiddenProcesses {
 public:
  HiddenProcesses();
  HiddenProcesses(const HiddenProcesses&) = delete;
  HiddenProcesses& operator=(const HiddenProcesses&) = delete;
  ~HiddenProcesses();
};

// Waits for what must come about soon; false when it does not within some seconds.
void pause_briefly();
inline constexpr int eventually_attempts = 4000;  // of two milliseconds
template <typename Condition>
bool eventually(Condition condition) {
  for (int attempt = 0; attempt < eventually_attempts; ++attempt) {
    if (condition()) return true;
    pause_briefly();
  }
  return false;
}

// The processes when all of them are there: the helpers' workers come up while the broker serves already. Fails the
// test when they do not.
BrokerProcesses wait_for_processes();

}  // namespace secshr::test
