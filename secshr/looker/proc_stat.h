// When a process started, from /proc/<pid>/stat: pure parsing of text that the process partly chooses.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "secshr/kernel.h"

namespace secshr {

// Whole clock ticks since boot, from the whole text of one read; nothing where that is no such text.
[[nodiscard]] std::optional<std::uint64_t> parse_start_ticks(std::string_view text) noexcept;

// Whether a process that started in that tick certainly started after `when`. Within one tick nobody can tell.
[[nodiscard]] constexpr bool started_after(std::uint64_t start_ticks, BootTime when,
                                           std::uint64_t ticks_per_second) noexcept {
  const std::uint64_t tick = 1'000'000'000 / ticks_per_second;
  return start_ticks > static_cast<std::uint64_t>(when.count()) / tick;
}

}  // namespace secshr
