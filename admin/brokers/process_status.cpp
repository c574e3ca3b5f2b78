#include "admin/brokers/process_status.h"

#include <sys/capability.h>

#include <charconv>
#include <memory>

namespace secshr::admin {
namespace {

// What follows "KEY:" and blanks, up to the end of the line. The process's own name stands in the first line with
// newlines escaped, so that no line can be forged.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.starts_with(key) && line.substr(key.size()).starts_with(':')) {
      line.remove_prefix(key.size() + 1);
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      return line;
    }
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Field `index`, counted from 0, of blank-separated ones.
std::string_view field(std::string_view text, std::size_t index) {
  constexpr std::string_view blanks = " \t\n";
  for (;; --index) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const std::size_t end = text.find_first_of(blanks);
    if (index == 0) return text.substr(0, end);
    if (end == text.npos) return {};
    text.remove_prefix(end);
  }
}

}  // namespace

std::optional<ProcessStatus> parse_process_status(std::string_view text) {
  const auto line = [text](std::string_view key) { return value_of(text, key).value_or(std::string_view()); };
  // Uid and Gid: real, effective, saved, file system.
  const auto uid = number<uid_t>(field(line("Uid"), 1), 10);
  const auto gid = number<gid_t>(field(line("Gid"), 1), 10);
  const auto permitted = number<std::uint64_t>(line("CapPrm"), 16);
  const auto effective = number<std::uint64_t>(line("CapEff"), 16);
  const auto bounding = number<std::uint64_t>(line("CapBnd"), 16);
  const auto no_new_privileges = number<unsigned>(line("NoNewPrivs"), 10);
  const auto seccomp = number<unsigned>(line("Seccomp"), 10);
  if (!uid || !gid || !permitted || !effective || !bounding || !no_new_privileges || !seccomp) return std::nullopt;
  return ProcessStatus{*uid, *gid, *permitted, *effective, *bounding, *no_new_privileges != 0, *seccomp};
}

std::optional<std::uint64_t> parse_start_ticks(std::string_view stat) {
  // "PID (NAME) STATE …": the name may hold blanks and parentheses, so that only the last ')' ends it.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == stat.npos) return std::nullopt;
  constexpr std::size_t start_time_after_name = 19;  // field 22 of proc(5); the state is the third
  return number<std::uint64_t>(field(stat.substr(name_end + 1), start_time_after_name), 10);
}

std::vector<std::string> capability_names(std::uint64_t mask) {
  std::vector<std::string> names;
  for (int bit = 0; bit < 64; ++bit) {
    if ((mask >> bit & 1) == 0) continue;
    const std::unique_ptr<char, int (*)(void*)> name(cap_to_name(bit), &cap_free);
    names.emplace_back(name ? name.get() : std::to_string(bit));
  }
  return names;
}

}  // namespace secshr::admin
