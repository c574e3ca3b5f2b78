// The key in every datagram: tells a client's release from the server's.
#pragma once

#include <cstdint>
#include <string_view>

namespace secshr::protocol {

// `release` as the product shows it: $ZVERSION of GT.M, $ZYRELEASE of YottaDB.
[[nodiscard]] std::uint32_t communication_key(std::string_view release) noexcept;

}  // namespace secshr::protocol
