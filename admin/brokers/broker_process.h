// The running broker of an installation: the process that holds the lock.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "admin/brokers/process_status.h"
#include "admin/failure.h"
#include "counters/counters_page.h"
#include "system/descriptor.h"

namespace secshr::admin {

// Named by a pidfd: what is looked at and signalled stays the process that held the lock, even if its pid is reused.
struct BrokerProcess {
  pid_t pid = 0;
  Descriptor pidfd;
  std::string place;          // its directory below /run/secshr
  bool is_elsewhere = false;  // it serves other namespaces than ours
};

// That of our own namespaces; where there is none, one of others. nullopt: none runs. A lock held from outside this
// pid namespace, or by something that is not the broker's program, is refused: its holder is not ours to judge or
// signal.
Result<std::optional<BrokerProcess>> find_broker(const std::string& installation);

struct BrokerDetails {
  ProcessStatus status;
  std::string started;  // UTC, ISO 8601
};
Result<BrokerDetails> read_details(const BrokerProcess& broker);

// What it shows of itself; none where it shows nothing: a page that is another process's was left by a broker before.
std::optional<Counters> counters_of(const BrokerProcess& broker);

enum class BrokerEnd { was_not_running, ended };
// Asks each to end and waits; refused where one does not within some seconds, which keeps no other from ending.
Result<BrokerEnd> end_brokers(const std::string& installation);

// Where brokers of the installation can be: in its own place, and in those of other namespaces in it.
std::vector<std::string> places_of(const std::string& installation);

// Takes away /run/secshr/NAME, which belongs to an installation that is adopted no more.
Result<void> remove_run_directory(const std::string& installation);

}  // namespace secshr::admin
