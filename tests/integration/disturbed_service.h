// Processes that run already, one system call of one of which does not go well: it fails without having been made, or
// does less than it was told. All of them are followed from outside, from where they wait for what comes next.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "tests/integration/system_call_faults.h"
#include "tests/integration/traced_call.h"

namespace secshr::test {

struct Subject {
  pid_t pid = -1;
  Part part = Part::nobody;
};

struct ServiceReport;

// While it lives they are followed. Without a fault it notes down what they call.
class Disturbance {
 public:
  Disturbance(const std::vector<Subject>& subjects, const std::optional<Fault>& fault);
  Disturbance(const Disturbance&) = delete;
  Disturbance& operator=(const Disturbance&) = delete;
  ~Disturbance();  // who is left goes on by itself

  // Waits until none of them has made a call for some time, or, with a fault, that long for the call that it is of.
  void rest() const;
  // Of all of them together, in the order of their entries.
  [[nodiscard]] std::vector<MadeCall> made() const;
  [[nodiscard]] bool was_disturbed() const;
  // Signals that have ended somebody meanwhile.
  [[nodiscard]] std::vector<int> deaths() const;

 private:
  ServiceReport* report_ = nullptr;  // shared with the tracer, a process of its own
  bool has_fault_ = false;
  pid_t tracer_ = -1;
};

}  // namespace secshr::test
