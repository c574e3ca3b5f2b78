#include "secshr/control/control_message.h"

#include "protocol/wire_reader.h"
#include "protocol/wire_writer.h"

namespace secshr {
namespace {

using protocol::WireReader;
using protocol::WireWriter;

constexpr std::uint64_t magic = 0x3130'6c74'6372'6873;  // "shrctl01"

}  // namespace

std::array<std::byte, control_request_size> encode_control_request(ControlRequest request) noexcept {
  std::array<std::byte, control_request_size> bytes{};
  WireWriter writer(bytes);
  writer.u64(magic);
  writer.u32(static_cast<std::uint32_t>(request));
  return bytes;
}

std::optional<ControlRequest> decode_control_request(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  const bool is_ours = reader.u64() == magic;
  const std::uint32_t request = reader.u32();
  if (!reader.complete() || !is_ours) return std::nullopt;
  switch (static_cast<ControlRequest>(request)) {
    case ControlRequest::state:
    case ControlRequest::leave:
    case ControlRequest::renew:
      return static_cast<ControlRequest>(request);
  }
  return std::nullopt;
}

std::array<std::byte, broker_state_size> encode_broker_state(const BrokerState& state) noexcept {
  std::array<std::byte, broker_state_size> bytes{};
  WireWriter writer(bytes);
  writer.u32(static_cast<std::uint32_t>(state.stage));
  writer.u32(state.directories);
  return bytes;
}

std::optional<BrokerState> decode_broker_state(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  BrokerState state;
  const std::uint32_t stage = reader.u32();
  state.directories = reader.u32();
  if (!reader.complete() || stage > static_cast<std::uint32_t>(BrokerStage::ending)) return std::nullopt;
  state.stage = static_cast<BrokerStage>(stage);
  return state;
}

std::size_t encode_directory_state(std::uint32_t idle_ms, std::string_view name,
                                   std::span<std::byte, maximum_directory_state_size> out) noexcept {
  WireWriter writer(out);
  writer.u32(idle_ms);
  writer.text(name.substr(0, maximum_directory_name));
  return writer.written();
}

std::optional<DirectoryState> decode_directory_state(std::span<const std::byte> bytes) {
  if (bytes.size() > maximum_directory_state_size) return std::nullopt;
  WireReader reader(bytes);
  DirectoryState state;
  state.idle_ms = reader.u32();
  state.name = reader.text(reader.left());
  return reader.complete() ? std::optional(std::move(state)) : std::nullopt;
}

}  // namespace secshr
