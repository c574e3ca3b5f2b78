// The last step of a start: from root, with everything made and the lock held, to a broker that serves.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "installation/lockdown.h"
#include "secshr/instance_lock.h"
#include "secshr/linux_kernel.h"
#include "secshr/serve.h"
#include "secshr/start/broker_helpers.h"
#include "secshr/start/log_copy.h"
#include "secshr/start/plan.h"

namespace secshr {

// Made as root, by who has the turn, before the lock is taken: nobody but this process notices.
struct Preparation {
  Helpers helpers;
  LinuxKernel kernel;
  Descriptor control;  // has not got its name yet
  std::optional<Lockdown> lockdown;
  std::string lockdown_fault;  // why one is there that cannot be read
};
[[nodiscard]] Started<Preparation> prepare_broker(const Plan& plan, const Logs& logs, int place);

// What is told in the log once it is open to us.
struct Note {
  const char* event;
  std::string detail;
};

struct Place {
  Descriptor directory;  // where lock, control socket and counters are
  InstanceLock& lock;    // held
  int signals = -1;      // see Loop
};

// Drops everything but the broker's own privileges, says on the readiness socket that it serves, and serves until it
// ends.
[[nodiscard]] Started<LoopEnd> run_broker(const Plan& plan, Preparation preparation, std::span<ServicePoint> points,
                                          Place place, Logs& logs, std::vector<Note>& notes);

}  // namespace secshr
