// Turns a datagram into a request, or into the code of the reply that refuses it.
//
// Total: every sequence of bytes gives one or the other, and nothing outside the datagram is read. Requests hold
// views into the datagram and live no longer than it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "protocol/request.h"

namespace secshr::protocol {

struct DecodeError {
  std::int32_t reply_code = 0;  // an errno, or one of limits.h's reply codes
  const char* what = "";        // "length", "key", "code", "path" or "ids"
};

// Fails only when there is no full header, and so nothing that a reply could echo.
[[nodiscard]] std::expected<RequestHeader, DecodeError> decode_header(std::span<const std::byte> datagram) noexcept;

// `header` is the datagram's own. The caller passes the whole datagram as it was sent: one that the kernel cut short
// is the caller's to refuse. Checked in this order, so that a client of another release always learns just that:
// key, code, length, content.
//
// pids and the ids of removal requests are passed on whatever they are, negative ones too.
[[nodiscard]] std::expected<Request, DecodeError> decode_request(const RequestHeader& header,
                                                                 std::span<const std::byte> datagram,
                                                                 std::uint32_t our_communication_key) noexcept;

}  // namespace secshr::protocol
