// The reply's bytes, and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "protocol/decode_request.h"
#include "protocol/limits.h"
#include "protocol/reply.h"

namespace secshr::protocol {

// Echoes all of the request's header but the code, and the flag where the rule's number (rules.h) is wanted in its
// place. A foreign communication key is echoed too.
[[nodiscard]] std::array<std::byte, header_size> encode_reply(const RequestHeader& request, std::int32_t code,
                                                              std::int32_t rule = 0) noexcept;

// Exactly one header, or the error "length".
[[nodiscard]] std::expected<Reply, DecodeError> decode_reply(std::span<const std::byte> datagram) noexcept;

}  // namespace secshr::protocol
