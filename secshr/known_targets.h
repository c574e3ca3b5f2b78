// Processes that were seen to run the installation a moment ago, so that one that is continued again and again is not
// looked at each time. A process is known by a number that no other one ever has; nothing is held for it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "secshr/kernel.h"
#include "secshr/limits.h"

namespace secshr {

class KnownTargets {
 public:
  // Whose it was; nullopt: nobody has looked at it of late.
  [[nodiscard]] std::optional<uid_t> owner_of(std::uint64_t process, MonotonicTime now) const noexcept {
    const Target& target = targets_[process % targets_.size()];
    if (target.process != process || now - target.looked_at > limits::target_known_for) return std::nullopt;
    return target.owner;
  }
  // That it was seen to run the installation, by a look that was asked for then.
  void note(std::uint64_t process, uid_t owner, MonotonicTime asked_at) noexcept {
    targets_[process % targets_.size()] = {process, owner, asked_at};
  }

 private:
  struct Target {
    std::uint64_t process = 0;  // none has 0
    uid_t owner = 0;
    MonotonicTime looked_at;
  };
  std::array<Target, limits::known_targets> targets_{};
};

}  // namespace secshr
