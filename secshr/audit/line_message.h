// One line on its way from the broker to the process that writes the log, and that process's word that it is written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "secshr/audit/audit.h"

namespace secshr {

struct LineMessage {
  Ticket ticket = 0;
  std::uint64_t lost = 0;  // lines since the last message that got no further than the broker
  std::string_view line;   // points into the message
};

// More than the longest path takes, escaped.
inline constexpr std::size_t longest_line = std::size_t{32} << 10;
inline constexpr std::size_t line_message_fixed_size = 8 + 8;
inline constexpr std::size_t line_message_size = line_message_fixed_size + longest_line;

// Returns the number of bytes written, 0 for a line that is too long; `out` must hold line_message_size.
[[nodiscard]] std::size_t encode_line_message(const LineMessage& message, std::span<std::byte> out) noexcept;
[[nodiscard]] std::optional<LineMessage> decode_line_message(std::span<const std::byte> bytes) noexcept;

// The word back: every line up to this ticket is written or was given up.
struct LineReport {
  Ticket ticket = 0;
  std::uint64_t refused = 0;  // lines that could not be written since the last report
};
inline constexpr std::size_t line_report_size = 8 + 8;
[[nodiscard]] std::array<std::byte, line_report_size> encode_line_report(const LineReport& report) noexcept;
[[nodiscard]] std::optional<LineReport> decode_line_report(std::span<const std::byte> bytes) noexcept;

}  // namespace secshr
