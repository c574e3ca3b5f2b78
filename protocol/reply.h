// A reply: the request's header with the code replaced by 0, an errno, or one of limits.h's reply codes.
#pragma once

#include <cstdint>

#include "protocol/request.h"

namespace secshr::protocol {

struct Reply {
  RequestHeader header;
  [[nodiscard]] constexpr std::int32_t code() const noexcept { return header.code; }
  // Clients drop a reply that belongs to another request or release.
  [[nodiscard]] constexpr bool answers(const RequestHeader& request) const noexcept {
    return header.sequence == request.sequence && header.communication_key == request.communication_key;
  }
  bool operator==(const Reply&) const = default;
};

}  // namespace secshr::protocol
