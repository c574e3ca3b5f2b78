// Every limit of the protocol, named once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace secshr::protocol {

// Datagrams. A path's limit is what the largest datagram leaves for it beside the fixed part of a header flush;
// leftover removal, whose fixed part is smaller, keeps to the same limit.
inline constexpr std::size_t header_size = 24;
inline constexpr std::size_t flush_fixed_size = 61;  // header, ids, length and the NUL, without the name
inline constexpr std::size_t maximum_datagram = 4160;
inline constexpr std::size_t maximum_path = maximum_datagram - flush_fixed_size;

// Reply codes that are no errno.
inline constexpr std::int32_t reply_invalid_code = 0x8000;
inline constexpr std::int32_t reply_foreign_key = 0x8001;
inline constexpr std::int32_t reply_not_a_database = 150372554;

// Socket names. The directory limit is the longest $gtm_tmp that stock clients use as given.
inline constexpr std::size_t maximum_directory = 86;
inline constexpr std::size_t socket_address_path_size = 108;
inline constexpr std::size_t maximum_socket_prefix = 10;
inline constexpr std::size_t key_digits = 8;
inline constexpr std::size_t maximum_socket_name = maximum_socket_prefix + key_digits + 1;  // one suffix letter
static_assert(maximum_directory + 1 + maximum_socket_name + 1 <= socket_address_path_size);

// The kernel's own ceiling for pid_max on 64-bit machines: no process has a larger pid.
inline constexpr std::int32_t maximum_pid = 4194304;

// Database file header: the ids, and how much of the file must be read to judge them.
inline constexpr std::size_t ids_offset = 512;
inline constexpr std::size_t ids_size = 24;
inline constexpr std::size_t inspected_size = ids_offset + ids_size;
static_assert(inspected_size == 536);

}  // namespace secshr::protocol
