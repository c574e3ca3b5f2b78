// The keys that clients derive from a file's own identity: that in a server socket's name, from the wrapper, so that
// an installation's clients find its server and no other; and that of the semaphore set by which the processes that
// open a database file find each other.
#pragma once

#include <cstdint>

namespace secshr::protocol {

// `device` and `inode` are the st_dev and st_ino of the wrapper. The top byte is always 0x2E.
[[nodiscard]] std::uint32_t server_key(std::uint64_t device, std::uint64_t inode) noexcept;

// The same of a database file: the top byte is always 0x2B.
[[nodiscard]] std::uint32_t database_key(std::uint64_t device, std::uint64_t inode) noexcept;

}  // namespace secshr::protocol
