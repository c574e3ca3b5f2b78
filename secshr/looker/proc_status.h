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
  std::string_view name;        // as the kernel shows it, see copy_name()
  std::array<uid_t, 4> uids{};  // real, effective, saved, file system
  std::array<gid_t, 4> gids{};
  std::size_t group_count = 0;                  // written to the caller's array
  std::optional<std::uint64_t> caught_signals;  // signal n is bit n - 1; none where the text has no such line
};

// Parses the whole text of one read. `groups` takes the supplementary groups; more than fit, a missing or repeated
// field, or anything that is not a number where one stands: nothing.
[[nodiscard]] std::optional<ProcStatus> parse_proc_status(std::string_view text, std::span<gid_t> groups) noexcept;

// The name's own bytes, of which the kernel shows a newline as \n and a backslash as \\. As many as fit; how many.
std::size_t copy_name(std::string_view shown, std::span<char> out) noexcept;

}  // namespace secshr
