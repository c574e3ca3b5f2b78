// What the broker tells the writer: a database file's read-only descriptor comes with it, and the 24 bytes to put
// into its header, provided that the header still holds the 24 bytes that the decision was made on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/request.h"
#include "secshr/header_ids.h"
#include "secshr/kernel.h"

namespace secshr {

struct WriteRequest {
  std::uint64_t job = 0;
  MonotonicTime deadline;     // nothing is written after it
  protocol::IpcIds expected;  // what the header must still hold
  protocol::IpcIds wanted;
  Attached attached = Attached::nobody;  // to the segment of `expected`, at most
};

enum class WriteVerdict : std::uint8_t {
  written,
  changed,   // the header no longer holds `expected`, or an object in it or in `wanted` is another; nothing written
  refused,   // the descriptor is no database file; nothing written
  too_late,  // nothing written
  failed,    // `error` says why; the header is the old one or the new one
};

struct WriteReport {
  std::uint64_t job = 0;
  WriteVerdict verdict = WriteVerdict::failed;
  std::int32_t error = 0;
};

inline constexpr std::size_t write_request_size = 8 + 8 + 24 + 24 + 4;
inline constexpr std::size_t write_report_size = 8 + 4 + 4;

[[nodiscard]] std::array<std::byte, write_request_size> encode_write_request(const WriteRequest& request) noexcept;
[[nodiscard]] std::optional<WriteRequest> decode_write_request(std::span<const std::byte> bytes) noexcept;
[[nodiscard]] std::array<std::byte, write_report_size> encode_write_report(const WriteReport& report) noexcept;
[[nodiscard]] std::optional<WriteReport> decode_write_report(std::span<const std::byte> bytes) noexcept;

}  // namespace secshr
