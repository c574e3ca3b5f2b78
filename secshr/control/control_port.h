// The broker's side of the control socket: tells root what it serves, and hears from root that it is to leave.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <utility>

#include "secshr/control/control_message.h"
#include "secshr/kernel.h"
#include "secshr/service_point.h"
#include "system/descriptor.h"

namespace secshr {

// Listens in a root-controlled directory, 0600, under a name that nobody looks for: all that can fail for lack of
// room. One process at a time, as root. Errors are errno values.
[[nodiscard]] std::expected<Descriptor, int> listen_for_control(int directory) noexcept;
// Gives it the name `control`, in place of whatever had the name. 0, or an errno.
[[nodiscard]] int take_control_name(int directory) noexcept;

// One conversation at a time; others wait.
class ControlPort {
 public:
  explicit ControlPort(Descriptor listener) noexcept : listener_(std::move(listener)) {}

  // To wait on for reading.
  [[nodiscard]] int descriptor() const noexcept { return (conversation_ ? conversation_ : listener_).get(); }
  [[nodiscard]] bool is_talking() const noexcept { return bool(conversation_); }
  // When somebody who says nothing must make room for the next.
  [[nodiscard]] std::optional<MonotonicTime> deadline() const noexcept;
  void expire(MonotonicTime now) noexcept;
  void close() noexcept;

  // Takes one step without waiting. The state is answered here; what else is asked is the caller's to do.
  [[nodiscard]] std::optional<ControlRequest> take(BrokerStage stage, std::span<const ServicePoint> served,
                                                   MonotonicTime now) noexcept;

 private:
  void accept(MonotonicTime now) noexcept;
  [[nodiscard]] bool tell(BrokerStage stage, std::span<const ServicePoint> served, MonotonicTime now) noexcept;

  Descriptor listener_;
  Descriptor conversation_;
  MonotonicTime began_;
};

}  // namespace secshr
