#include "secshr/looker/look_message.h"

#include "secshr/ids_wire.h"

namespace secshr {
namespace {

using protocol::WireReader;
using protocol::WireWriter;

constexpr std::size_t comm_size = std::tuple_size_v<decltype(LookReport::comm)>;
constexpr std::uint32_t maps_bit = 1;
constexpr std::uint32_t runs_bit = 2;
constexpr std::uint32_t catches_bit = 4;
constexpr std::uint32_t groups_bit = 8;

}  // namespace

std::size_t encode_look_request(const LookRequest& request, std::span<std::byte> out) noexcept {
  WireWriter writer(out);
  writer.u64(request.job);
  writer.u32(static_cast<std::uint32_t>(request.at));
  writer.i32(request.whom.pid);
  writer.u32(request.whom.uid);
  writer.u32(request.whom.gid);
  writer.u32(request.whom.sent ? 1 : 0);
  writer.i64(request.whom.sent.value_or(BootTime::zero()).count());
  writer.u32(static_cast<std::uint32_t>(request.path.size()));
  writer.text(request.path);
  return writer.written();
}

std::optional<LookRequest> decode_look_request(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  LookRequest request;
  request.job = reader.u64();
  const std::uint32_t at = reader.u32();
  request.whom.pid = reader.i32();
  request.whom.uid = reader.u32();
  request.whom.gid = reader.u32();
  const std::uint32_t has_sent = reader.u32();
  const BootTime sent(reader.i64());
  const std::uint32_t length = reader.u32();
  request.path = reader.text(length);
  if (!reader.complete() || at > static_cast<std::uint32_t>(LookAt::process) || has_sent > 1) return std::nullopt;
  request.at = static_cast<LookAt>(at);
  if (has_sent == 1) request.whom.sent = sent;
  return request;
}

std::size_t encode_look_report(const LookReport& report, std::span<std::byte> out) noexcept {
  WireWriter writer(out);
  writer.u64(report.job);
  writer.u32(static_cast<std::uint32_t>(report.verdict));
  writer.i32(report.error);
  writer.text({report.comm.data(), report.comm.size()});
  writer.u64(report.device);
  writer.u64(report.inode);
  writer.u32(report.mode);
  writer.u32(report.owner);
  put_ids(writer, report.ids);
  writer.u32((report.maps_header_segment ? maps_bit : 0) | (report.runs_installation ? runs_bit : 0) |
             (report.catches_alarm ? catches_bit : 0) | (report.knows_groups ? groups_bit : 0));
  writer.u32(static_cast<std::uint32_t>(report.groups.size()));
  for (const gid_t group : report.groups) writer.u32(group);
  return writer.written();
}

std::optional<LookReport> decode_look_report(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  LookReport report;
  report.job = reader.u64();
  const std::uint32_t verdict = reader.u32();
  report.error = reader.i32();
  const std::string_view comm = reader.text(comm_size);
  report.device = reader.u64();
  report.inode = reader.u64();
  report.mode = reader.u32();
  report.owner = reader.u32();
  report.ids = take_ids(reader);
  const std::uint32_t bits = reader.u32();
  const std::uint32_t groups = reader.u32();
  if (reader.failed() || verdict > static_cast<std::uint32_t>(LookVerdict::not_a_database) ||
      (bits & ~(maps_bit | runs_bit | catches_bit | groups_bit)) != 0 || groups > reported_groups) {
    return std::nullopt;
  }
  report.groups.resize(groups);
  for (gid_t& group : report.groups) group = reader.u32();
  if (!reader.complete()) return std::nullopt;
  report.verdict = static_cast<LookVerdict>(verdict);
  report.maps_header_segment = (bits & maps_bit) != 0;
  report.runs_installation = (bits & runs_bit) != 0;
  report.catches_alarm = (bits & catches_bit) != 0;
  report.knows_groups = (bits & groups_bit) != 0;
  comm.copy(report.comm.data(), comm_size - 1);
  return report;
}

}  // namespace secshr
