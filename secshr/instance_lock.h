// The locks of a place: whoever holds the first is the broker there, whoever holds the second may change who that is.
// A POSIX record lock belongs to the process, not to its children, and goes with it.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <utility>

#include "system/descriptor.h"

namespace secshr {

class InstanceLock {
 public:
  enum class Part : unsigned char { broker, turn };

  // The file `lock` of a root-controlled directory; it is made, 0600, where it is missing. Errors are errno values.
  [[nodiscard]] static std::expected<InstanceLock, int> open(int directory) noexcept;

  // Without waiting: whether it is ours now.
  [[nodiscard]] bool try_take(Part part) noexcept;
  void release(Part part) noexcept;
  // The process that holds it at this moment, as far as it is another.
  [[nodiscard]] std::optional<pid_t> holder(Part part) const noexcept;
  // A pidfd of that process, provided that it holds it still.
  [[nodiscard]] Descriptor open_holder(Part part, pid_t holder) const noexcept;
  // Kills that process, provided that it holds it still; whether it did. Called as root.
  [[nodiscard]] bool kill_holder(Part part, pid_t holder) const noexcept;

 private:
  explicit InstanceLock(Descriptor file) noexcept : file_(std::move(file)) {}
  Descriptor file_;  // the only one of this file: closing any other would give the locks up
};

}  // namespace secshr
