// The client's half: a request's bytes.
#pragma once

#include <cstddef>
#include <span>

#include "protocol/request.h"

namespace secshr::protocol {

// Writes the whole datagram to the front of `out` and returns its length, or 0 when `out` is too small. The code is
// the request's own; of `header.code` nothing but whether the rule is wanted counts. Nothing else is judged: what the
// server would refuse is encoded as it is. An `out` of maximum_datagram bytes keeps a request within what any server
// takes.
[[nodiscard]] std::size_t encode_request(const RequestHeader& header, const Request& request,
                                         std::span<std::byte> out) noexcept;

}  // namespace secshr::protocol
