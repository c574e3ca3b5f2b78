// The key in a server socket's name: both sides derive it from the wrapper's own file, so that an installation's
// clients find its server and no other.
#pragma once

#include <cstdint>

namespace secshr::protocol {

// `device` and `inode` are the st_dev and st_ino of the wrapper. The top byte is always 0x2E.
[[nodiscard]] std::uint32_t server_key(std::uint64_t device, std::uint64_t inode) noexcept;

}  // namespace secshr::protocol
