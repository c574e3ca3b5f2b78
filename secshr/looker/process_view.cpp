#include "secshr/looker/process_view.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string_view>

namespace secshr {
namespace {

// A path of the form <prefix><number>, in place.
struct NumberedPath {
  NumberedPath(const char* prefix, int number) noexcept {
    (void)std::snprintf(text.data(), text.size(), "%s%d", prefix, number);
  }
  std::array<char, 40> text{};
};

}  // namespace

Descriptor open_in(int directory, const char* name, int flags) noexcept {
  return Descriptor(::openat(directory, name, flags | O_CLOEXEC | O_NOCTTY));
}

Descriptor open_process_directory(pid_t pid) noexcept {
  return open_in(AT_FDCWD, NumberedPath("/proc/", pid).text.data(), O_PATH | O_DIRECTORY);
}

Descriptor reopen(int descriptor, int flags) noexcept {
  return open_in(AT_FDCWD, NumberedPath("/proc/self/fd/", descriptor).text.data(), flags);
}

bool is_alive(int pidfd) noexcept {
  pollfd poll_entry{pidfd, POLLIN, 0};
  return ::poll(&poll_entry, 1, 0) == 0;
}

std::optional<ProcStatus> read_status(int process, Buffers& buffers) noexcept {
  const Descriptor file = open_in(process, "status", O_RDONLY);
  if (!file) return std::nullopt;
  const ssize_t size = ::read(file.get(), buffers.text.data(), buffers.text.size());
  if (size <= 0 || static_cast<std::size_t>(size) == buffers.text.size()) return std::nullopt;
  return parse_proc_status(std::string_view(buffers.text.data(), static_cast<std::size_t>(size)), buffers.groups);
}

bool is_only(const ProcStatus& status, uid_t uid, gid_t gid) noexcept {
  return std::ranges::all_of(status.uids, [&](uid_t each) { return each == uid; }) &&
         std::ranges::all_of(status.gids, [&](gid_t each) { return each == gid; });
}

void put_comm(const ProcStatus& status, LookReport& report) noexcept {
  status.name.copy(report.comm.data(), report.comm.size() - 1);
}

}  // namespace secshr
