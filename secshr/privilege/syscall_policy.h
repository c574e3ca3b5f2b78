// What each of the broker's processes asks of the kernel while it serves, call by call: with which arguments, and
// what for. Nothing else gets through.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "secshr/privilege/act_as.h"
#include "secshr/privilege/confined.h"

namespace secshr {

// One argument, by all of the 64 bits that are handed over. Of many the kernel heeds the lower 32 only: where a row
// allows a call the others must therefore be zero, and where it forbids one they must not matter.
struct Argument {
  enum class Is : std::uint8_t { anything, equal, at_most, masked, own_pid };
  Is is = Is::anything;
  std::uint8_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t mask = 0;  // masked: these bits are those of `value`
};

struct SyscallRow {
  int number = -1;  // SYS_*
  const char* reason = "";
  std::array<Argument, 4> arguments{};
  [[nodiscard]] bool is_unconditional() const noexcept {
    return std::ranges::all_of(arguments, [](const Argument& each) { return each.is == Argument::Is::anything; });
  }
};

// What sanitizers do behind our back, in builds that have them.
#ifdef SECSHR_SANITIZED
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

// Of one process. All other calls fail with ENOSYS.
[[nodiscard]] std::vector<SyscallRow> allowed_calls(Confined process);

// Of all of them: what no process of ours has a reason to try ends it. Identity 0 is among it unless the
// administrator has objects of root's removed.
[[nodiscard]] std::vector<SyscallRow> fatal_calls(ActingAsRoot root);

}  // namespace secshr
