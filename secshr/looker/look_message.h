// What the broker asks the looker about a database file and its requester, and what the looker saw. The two speak
// over a socketpair in fixed little-endian layouts, never in native structs. The request carries the requester's
// pidfd, a report of an opened file its read-only descriptor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/request.h"
#include "secshr/kernel.h"

namespace secshr {

struct LookRequest {
  std::uint64_t job = 0;
  Credentials client;     // what the kernel said of the sender; the looker refuses where /proc says otherwise
  std::string_view path;  // absolute, in the client's own root
};

enum class LookVerdict : std::uint8_t {
  seen,             // everything below holds
  peer_gone,        // the sender ended
  peer_mixed,       // its four uids or gids differ from the kernel's, or /proc could not be read
  other_namespace,  // its IPC namespace is not ours
  unreadable,       // the client itself cannot open it: `error` says why
  wrong_type,       // not a regular file
  not_a_database,   // no served label, or another byte order
};

struct LookReport {
  std::uint64_t job = 0;
  LookVerdict verdict = LookVerdict::unreadable;
  std::int32_t error = 0;  // errno where the verdict has one
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;
  protocol::IpcIds ids;              // the header's, as found
  bool maps_header_segment = false;  // the requester's own maps show the segment that the header names
  std::array<char, 64> comm{};       // the requester's name as /proc shows it, NUL-terminated
};

inline constexpr std::size_t look_request_size = 8 + 4 + 4 + 4 + 4 + protocol::maximum_datagram;
inline constexpr std::size_t look_report_size = 8 + 4 + 4 + 8 + 8 + 4 + 4 + 24 + 4 + 64;

// Returns the number of bytes written; `out` must hold look_request_size.
[[nodiscard]] std::size_t encode_look_request(const LookRequest& request, std::span<std::byte> out) noexcept;
// `path` points into `bytes`.
[[nodiscard]] std::optional<LookRequest> decode_look_request(std::span<const std::byte> bytes) noexcept;

[[nodiscard]] std::array<std::byte, look_report_size> encode_look_report(const LookReport& report) noexcept;
[[nodiscard]] std::optional<LookReport> decode_look_report(std::span<const std::byte> bytes) noexcept;

}  // namespace secshr
