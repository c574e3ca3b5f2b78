#include "secshr/writer/write_message.h"

#include "secshr/ids_wire.h"

namespace secshr {
namespace {

using protocol::WireReader;
using protocol::WireWriter;

}  // namespace

std::array<std::byte, write_request_size> encode_write_request(const WriteRequest& request) noexcept {
  std::array<std::byte, write_request_size> bytes{};
  WireWriter writer(bytes);
  writer.u64(request.job);
  writer.i64(std::chrono::nanoseconds(request.deadline.time_since_epoch()).count());
  put_ids(writer, request.expected);
  put_ids(writer, request.wanted);
  writer.u32(static_cast<std::uint32_t>(request.attached));
  return bytes;
}

std::optional<WriteRequest> decode_write_request(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  WriteRequest request;
  request.job = reader.u64();
  request.deadline = MonotonicTime(std::chrono::nanoseconds(reader.i64()));
  request.expected = take_ids(reader);
  request.wanted = take_ids(reader);
  const std::uint32_t attached = reader.u32();
  if (!reader.complete() || attached > static_cast<std::uint32_t>(Attached::requester)) return std::nullopt;
  request.attached = static_cast<Attached>(attached);
  return request;
}

std::array<std::byte, write_report_size> encode_write_report(const WriteReport& report) noexcept {
  std::array<std::byte, write_report_size> bytes{};
  WireWriter writer(bytes);
  writer.u64(report.job);
  writer.u32(static_cast<std::uint32_t>(report.verdict));
  writer.i32(report.error);
  return bytes;
}

std::optional<WriteReport> decode_write_report(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  WriteReport report;
  report.job = reader.u64();
  const std::uint32_t verdict = reader.u32();
  report.error = reader.i32();
  if (!reader.complete() || verdict > static_cast<std::uint32_t>(WriteVerdict::failed)) return std::nullopt;
  report.verdict = static_cast<WriteVerdict>(verdict);
  return report;
}

}  // namespace secshr
