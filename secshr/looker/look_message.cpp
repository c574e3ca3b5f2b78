#include "secshr/looker/look_message.h"

#include "secshr/ids_wire.h"

namespace secshr {
namespace {

using protocol::WireReader;
using protocol::WireWriter;

constexpr std::size_t comm_size = std::tuple_size_v<decltype(LookReport::comm)>;

}  // namespace

std::size_t encode_look_request(const LookRequest& request, std::span<std::byte> out) noexcept {
  WireWriter writer(out);
  writer.u64(request.job);
  writer.i32(request.client.pid);
  writer.u32(request.client.uid);
  writer.u32(request.client.gid);
  writer.u32(static_cast<std::uint32_t>(request.path.size()));
  writer.text(request.path);
  return writer.written();
}

std::optional<LookRequest> decode_look_request(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  LookRequest request;
  request.job = reader.u64();
  request.client.pid = reader.i32();
  request.client.uid = reader.u32();
  request.client.gid = reader.u32();
  const std::uint32_t length = reader.u32();
  request.path = reader.text(length);
  if (!reader.complete()) return std::nullopt;
  return request;
}

std::array<std::byte, look_report_size> encode_look_report(const LookReport& report) noexcept {
  std::array<std::byte, look_report_size> bytes{};
  WireWriter writer(bytes);
  writer.u64(report.job);
  writer.u32(static_cast<std::uint32_t>(report.verdict));
  writer.i32(report.error);
  writer.u64(report.device);
  writer.u64(report.inode);
  writer.u32(report.mode);
  writer.u32(report.owner);
  put_ids(writer, report.ids);
  writer.u32(report.maps_header_segment ? 1 : 0);
  writer.text({report.comm.data(), report.comm.size()});
  return bytes;
}

std::optional<LookReport> decode_look_report(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  LookReport report;
  report.job = reader.u64();
  const std::uint32_t verdict = reader.u32();
  report.error = reader.i32();
  report.device = reader.u64();
  report.inode = reader.u64();
  report.mode = reader.u32();
  report.owner = reader.u32();
  report.ids = take_ids(reader);
  const std::uint32_t maps = reader.u32();
  const std::string_view comm = reader.text(comm_size);
  if (!reader.complete() || verdict > static_cast<std::uint32_t>(LookVerdict::not_a_database) || maps > 1) {
    return std::nullopt;
  }
  report.verdict = static_cast<LookVerdict>(verdict);
  report.maps_header_segment = maps == 1;
  comm.copy(report.comm.data(), comm_size - 1);
  return report;
}

}  // namespace secshr
