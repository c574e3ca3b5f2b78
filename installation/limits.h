// Every limit of the configuration and of the records of adopted installations.
#pragma once

#include <cstddef>
#include <cstdint>

namespace secshr::limits {

// Both kinds of file are written by hand or by secshrctl; a larger one is not what it says it is.
inline constexpr std::size_t configuration_file_bytes = std::size_t{64} * 1024;

// Ids above are the overflow id (65534), "no change" (65535 as 16 bits, 2^32 - 1), or beyond what namespaces map.
inline constexpr std::int64_t largest_service_uid = 65533;

inline constexpr std::int64_t largest_idle_timeout_s = 366LL * 24 * 60 * 60;
inline constexpr std::int64_t most_directories = 256;

// Of a group; the number above it means "no change" to every system call.
inline constexpr std::int64_t largest_group = 0xfffffffe;
// Of requests, refusals and lines: more than a broker can have.
inline constexpr std::int64_t highest_rate = 1'000'000;

// Leaves room, below PATH_MAX, for the names secshr adds to it.
inline constexpr std::size_t path_bytes = 3072;

// Of an acknowledgement: a sentence or two.
inline constexpr std::size_t reason_bytes = 500;

inline constexpr std::size_t installation_name_bytes = 64;
inline constexpr std::size_t release_bytes = 128;

// Of a directory that is adopted as generic: more than one application has. Each is held open by the broker, which
// has room for them among the descriptors of its own (secshr/limits.h).
inline constexpr std::size_t most_programs = 64;

}  // namespace secshr::limits
