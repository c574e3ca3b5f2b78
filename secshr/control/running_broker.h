// The starter's side of the control socket: what the broker that is running serves, and that it is to leave.
//
// The broker has no privileges worth the name, and may be in anybody's hands: what it says is looked at before it is
// believed, and it is waited for no longer than a moment.
#pragma once

#include <expected>
#include <vector>

#include "secshr/control/control_message.h"
#include "system/descriptor.h"

namespace secshr {

struct ReportedDirectory {
  DirectoryState state;
  Descriptor descriptor;
};

struct BrokerReport {
  BrokerState state;
  std::vector<ReportedDirectory> directories;
};

class RunningBroker {
 public:
  // By the name `control` in a root-controlled directory. An errno where nobody takes the call.
  [[nodiscard]] static std::expected<RunningBroker, int> connect(int directory) noexcept;

  // Waits for limits::report_deadline at most.
  [[nodiscard]] std::expected<BrokerReport, int> report();
  // Whether it can have been heard.
  [[nodiscard]] bool ask(ControlRequest request) noexcept;

 private:
  explicit RunningBroker(Descriptor conversation) noexcept : conversation_(std::move(conversation)) {}
  Descriptor conversation_;
};

}  // namespace secshr
