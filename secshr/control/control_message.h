// What passes over /run/secshr/NAME/control, a SOCK_SEQPACKET socket that only root reaches: a starter, or secshrctl,
// asks the broker. The two may be of different releases: what one of them does not understand ends the conversation,
// and a meaning once given stays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace secshr {

inline constexpr char control_name[] = "control";

enum class ControlRequest : std::uint32_t {
  state = 1,  // answered by a BrokerState, and a DirectoryState with a descriptor for each directory
  leave = 2,  // ends in order: another has the names of the sockets already. Answered by the end of the connection
  renew = 3,  // whoever starts next is to take over, though nothing has changed; the next state says so
};

enum class BrokerStage : std::uint32_t {
  serving = 0,
  to_be_renewed = 1,
  ending = 2,  // serves what has come; its place is free in a moment
};

struct BrokerState {
  BrokerStage stage = BrokerStage::serving;
  std::uint32_t directories = 0;
};

// Its O_PATH descriptor comes with it.
struct DirectoryState {
  std::uint32_t idle_ms = 0;  // since its last datagram, or since it is served
  std::string name;           // as who named it first spelt it: for the log
};

inline constexpr std::size_t maximum_directory_name = 256;
inline constexpr std::size_t control_request_size = 8 + 4;
inline constexpr std::size_t broker_state_size = 4 + 4;
inline constexpr std::size_t maximum_directory_state_size = 4 + maximum_directory_name;

[[nodiscard]] std::array<std::byte, control_request_size> encode_control_request(ControlRequest request) noexcept;
[[nodiscard]] std::optional<ControlRequest> decode_control_request(std::span<const std::byte> bytes) noexcept;
[[nodiscard]] std::array<std::byte, broker_state_size> encode_broker_state(const BrokerState& state) noexcept;
[[nodiscard]] std::optional<BrokerState> decode_broker_state(std::span<const std::byte> bytes) noexcept;
// The bytes used of the buffer; a name that is too long is cut.
[[nodiscard]] std::size_t encode_directory_state(std::uint32_t idle_ms, std::string_view name,
                                                 std::span<std::byte, maximum_directory_state_size> out) noexcept;
[[nodiscard]] std::optional<DirectoryState> decode_directory_state(std::span<const std::byte> bytes);

}  // namespace secshr
