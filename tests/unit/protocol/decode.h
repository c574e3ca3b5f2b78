// Decodes as the broker does: the header, then the request with the release's key.
#pragma once

#include <gtest/gtest.h>

#include <expected>
#include <string>

#include "protocol/decode_request.h"
#include "tests/unit/protocol/datagrams.h"

namespace secshr::protocol::test {

inline std::expected<Request, DecodeError> decode(std::span<const std::byte> datagram) {
  const auto header = decode_header(datagram);
  if (!header) return std::unexpected(header.error());
  return decode_request(*header, datagram, release_key);
}

template <typename Body>
Body decoded(const Bytes& datagram) {
  const auto request = decode(datagram);
  if (!request) {
    ADD_FAILURE() << "refused: " << request.error().what;
    return {};
  }
  const auto* body = std::get_if<Body>(&*request);
  if (body == nullptr) {
    ADD_FAILURE() << "decoded as another request: " << request->index();
    return {};
  }
  return *body;
}

// "code what", or "accepted".
inline std::string refusal(std::span<const std::byte> datagram) {
  const auto request = decode(datagram);
  if (request) return "accepted";
  return std::to_string(request.error().reply_code) + " " + request.error().what;
}

}  // namespace secshr::protocol::test
