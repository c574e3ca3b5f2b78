#include "secshr/looker/proc_stat.h"

#include <charconv>

namespace secshr {

std::optional<std::uint64_t> parse_start_ticks(std::string_view text) noexcept {
  // 3090 (name) S 1 3090 3090 0 -1 4194560 …: the name is the process's own choice and may hold blanks and
  // parentheses, so that only the last parenthesis is known to be the kernel's. What follows are fields, of which the
  // first is the third of all, and the start time the twenty-second.
  constexpr std::string_view end_of_name = ") ";
  constexpr int fields_before = 22 - 3;
  if (text.empty() || text.back() != '\n') return std::nullopt;
  text.remove_suffix(1);
  const auto name_end = text.rfind(end_of_name);
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + end_of_name.size());
  for (int field = 0; field < fields_before; ++field) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos || blank == 0) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  const std::string_view field = text.substr(0, text.find(' '));
  std::uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), ticks);
  if (error != std::errc{} || end != field.data() + field.size()) return std::nullopt;
  return ticks;
}

}  // namespace secshr
