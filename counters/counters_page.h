// What is on the counters page, /run/secshr/NAME/counters: numbers of a broker, for monitoring. Anybody may map the
// file and read it; whose it is and how far it is can be told from the page alone.
//
// The file is nothing but 64-bit words, little-endian:
//
//   byte  0  magic: the eight characters "secshrCP"
//         8  version of this layout, 2
//        16  size of the file in bytes
//        24  sequence number, odd while what follows is being written
//        32  from here on the members of Counters, in their order
//
// One process writes, without a lock; readers take the sequence number, the words and the sequence number again (with
// acquire ordering before and after the words). What they have is consistent where both are the same even number, and
// is to be read again where not. A page is never changed in size: a new broker makes a new one under the same name.
// A layout that differs in anything has another version.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "protocol/rules.h"

namespace secshr {

// What requests are counted as, in the order of Counters::requests. The last stands for all others.
inline constexpr std::array<std::string_view, 8> counted_requests{
    "wake", "remove-semaphore-set", "remove-segment", "remove-file", "continue", "flush-header", "ping", "unknown"};

// The order of Counters::refused_by_rule.
inline constexpr auto counted_rules = protocol::rule_ids;

// What a kernel may lack, as bits of Counters::degraded.
inline constexpr std::uint64_t without_landlock = 1;
inline constexpr std::uint64_t without_scm_pidfd = 2;

struct RequestCounts {
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
  std::uint64_t failed = 0;  // permitted, but the operating system said no
  bool operator==(const RequestCounts&) const = default;
};

// Since the broker started.
struct Counters {
  std::uint64_t broker_pid = 0;          // as it sees itself
  std::uint64_t started = 0;             // seconds since the epoch
  std::uint64_t configuration_hash = 0;  // of the configuration in force
  std::uint64_t degraded = 0;            // what it does without
  // Received and dealt with: every one is dropped, or done, refused or failed.
  std::uint64_t datagrams = 0;
  std::uint64_t dropped = 0;
  std::array<RequestCounts, counted_requests.size()> requests{};
  std::array<std::uint64_t, counted_rules.size()> refused_by_rule{};
  std::uint64_t refused_otherwise = 0;  // malformed, or by a rule that has no place here
  std::uint64_t replies_unsent = 0;     // the client was gone, full or not what it said
  std::uint64_t leftovers_removed = 0;
  std::uint64_t log_lines_lost = 0;  // of the audit log: what its disk refused, and what came faster than that takes
  std::uint64_t parked = 0;          // requests that wait for a helper now
  std::uint64_t parked_most = 0;
  bool operator==(const Counters&) const = default;
};

inline constexpr std::size_t counters_words = 6 + 3 * counted_requests.size() + counted_rules.size() + 6;
static_assert(sizeof(Counters) == 8 * counters_words && std::is_trivially_copyable_v<Counters>);

namespace counters_page {
inline constexpr std::uint64_t magic = 0x5043726873636573;  // "secshrCP"
inline constexpr std::uint64_t version = 2;
enum Word : std::size_t { magic_word, version_word, size_word, sequence_word, first_counter };
inline constexpr std::size_t words = first_counter + counters_words;
inline constexpr std::size_t size = 8 * words;
inline constexpr const char* file_name = "counters";
}  // namespace counters_page

}  // namespace secshr
