#include "secshr/audit/line_message.h"

#include <algorithm>
#include <cstring>

#include "protocol/wire_reader.h"
#include "protocol/wire_writer.h"

namespace secshr {

std::size_t encode_line_message(const LineMessage& message, std::span<std::byte> out) noexcept {
  if (message.line.size() > longest_line || out.size() < line_message_size) return 0;
  protocol::WireWriter writer(out.first(line_message_fixed_size));
  writer.u64(message.ticket);
  writer.u64(message.lost);
  std::ranges::copy(std::as_bytes(std::span(message.line)), out.subspan(line_message_fixed_size).begin());
  return line_message_fixed_size + message.line.size();
}

std::optional<LineMessage> decode_line_message(std::span<const std::byte> bytes) noexcept {
  protocol::WireReader reader(bytes);
  LineMessage message;
  message.ticket = reader.u64();
  message.lost = reader.u64();
  message.line = reader.text(reader.left());
  if (!reader.complete() || message.line.size() > longest_line) return std::nullopt;
  return message;
}

std::array<std::byte, line_report_size> encode_line_report(const LineReport& report) noexcept {
  std::array<std::byte, line_report_size> bytes{};
  protocol::WireWriter writer(bytes);
  writer.u64(report.ticket);
  writer.u64(report.refused);
  return bytes;
}

std::optional<LineReport> decode_line_report(std::span<const std::byte> bytes) noexcept {
  protocol::WireReader reader(bytes);
  LineReport report;
  report.ticket = reader.u64();
  report.refused = reader.u64();
  if (!reader.complete()) return std::nullopt;
  return report;
}

}  // namespace secshr
