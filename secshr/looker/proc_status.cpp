#include "secshr/looker/proc_status.h"

#include <charconv>

namespace secshr {
namespace {

// Takes the next blank-separated number off the front of `text`; nothing when there is none.
template <typename Number>
std::optional<Number> take_number(std::string_view& text) noexcept {
  const auto start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) {
    text = {};
    return std::nullopt;
  }
  text.remove_prefix(start);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

template <typename Number>
bool parse_four(std::string_view text, std::array<Number, 4>& out) noexcept {
  for (auto& id : out) {
    const auto number = take_number<Number>(text);
    if (!number) return false;
    id = *number;
  }
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

std::optional<std::size_t> parse_groups(std::string_view text, std::span<gid_t> out) noexcept {
  std::size_t count = 0;
  while (text.find_first_not_of(" \t") != std::string_view::npos) {
    const auto number = take_number<gid_t>(text);
    if (!number || count == out.size()) return std::nullopt;
    out[count++] = *number;
  }
  return count;
}

// A signal set: sixteen hexadecimal digits, signal n as bit n - 1.
std::optional<std::uint64_t> parse_signals(std::string_view text) noexcept {
  const auto start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start);
  std::uint64_t signals = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), signals, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return signals;
}

}  // namespace

std::optional<ProcStatus> parse_proc_status(std::string_view text, std::span<gid_t> groups) noexcept {
  ProcStatus status;
  bool name = false;
  bool uids = false;
  bool gids = false;
  bool supplementary = false;
  // A text that was cut could lack groups: the kernel ends every line, and Groups is far from the last.
  if (text.empty() || text.back() != '\n') return std::nullopt;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view key = line.substr(0, colon);
    std::string_view value = line.substr(colon + 1);
    if (key == "Name") {
      if (name) return std::nullopt;
      if (value.starts_with('\t')) value.remove_prefix(1);
      status.name = value;
      name = true;
    } else if (key == "Uid") {
      if (uids || !parse_four(value, status.uids)) return std::nullopt;
      uids = true;
    } else if (key == "Gid") {
      if (gids || !parse_four(value, status.gids)) return std::nullopt;
      gids = true;
    } else if (key == "Groups") {
      const auto count = supplementary ? std::nullopt : parse_groups(value, groups);
      if (!count) return std::nullopt;
      status.group_count = *count;
      supplementary = true;
    } else if (key == "SigCgt") {
      const auto signals = status.caught_signals ? std::nullopt : parse_signals(value);
      if (!signals) return std::nullopt;
      status.caught_signals = signals;
    }
  }
  if (!name || !uids || !gids || !supplementary) return std::nullopt;
  return status;
}

std::size_t copy_name(std::string_view shown, std::span<char> out) noexcept {
  std::size_t size = 0;
  while (!shown.empty() && size < out.size()) {
    const bool escaped = shown.starts_with("\\n") || shown.starts_with("\\\\");
    out[size++] = !escaped ? shown[0] : shown[1] == 'n' ? '\n' : '\\';
    shown.remove_prefix(escaped ? 2 : 1);
  }
  return size;
}

}  // namespace secshr
