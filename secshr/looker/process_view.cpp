#include "secshr/looker/process_view.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string_view>

#include "secshr/looker/proc_stat.h"
#include "system/uninterrupted.h"

namespace secshr {

Descriptor open_in(int directory, const char* name, int flags) noexcept {
  return Descriptor(uninterrupted([&] { return ::openat(directory, name, flags | O_CLOEXEC | O_NOCTTY); }));
}

Descriptor open_process_directory(pid_t pid) noexcept {
  std::array<char, 32> path{};
  (void)std::snprintf(path.data(), path.size(), "/proc/%d", pid);
  return open_in(AT_FDCWD, path.data(), O_PATH | O_DIRECTORY);
}

std::optional<ProcStatus> read_status(int process, Buffers& buffers) noexcept {
  const Descriptor file = open_in(process, "status", O_RDONLY);
  if (!file) return std::nullopt;
  const auto text = buffers.text();
  const ssize_t size = read_whole(file.get(), text);
  if (size <= 0 || static_cast<std::size_t>(size) == text.size()) return std::nullopt;
  return parse_proc_status(std::string_view(text.data(), static_cast<std::size_t>(size)), buffers.groups());
}

std::optional<std::uint64_t> read_start_ticks(int process) noexcept {
  const Descriptor file = open_in(process, "stat", O_RDONLY);
  if (!file) return std::nullopt;
  std::array<char, 4096> text{};  // some fifty numbers and a name
  const ssize_t size = read_whole(file.get(), std::span(text));
  if (size <= 0) return std::nullopt;
  return parse_start_ticks(std::string_view(text.data(), static_cast<std::size_t>(size)));
}

bool is_only(const ProcStatus& status, uid_t uid, gid_t gid) noexcept {
  return std::ranges::all_of(status.uids, [&](uid_t each) { return each == uid; }) &&
         std::ranges::all_of(status.gids, [&](gid_t each) { return each == gid; });
}

}  // namespace secshr
