// What /proc/<pid>/status says about a process's identity: pure parsing of text that the process partly chooses.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace secshr {

struct ProcStatus {
  std::string_view name;        // escaped by the kernel: no newline, no backslash of its own
  std::array<uid_t, 4> uids{};  // real, effective, saved, file system
  std::array<gid_t, 4> gids{};
  std::size_t group_count = 0;                  // written to the caller's array
  std::optional<std::uint64_t> caught_signals;  // signal n is bit n - 1; none where the text has no such line
};

// Parses the whole text of one read. `groups` takes the supplementary groups; more than fit, a missing or repeated
// field, or anything that is not a number where one stands: nothing.
[[nodiscard]] std::optional<ProcStatus> parse_proc_status(std::string_view text, std::span<gid_t> groups) noexcept;

}  // namespace secshr
