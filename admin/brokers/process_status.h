// What /proc/PID/status says of a process's privilege. Pure: the text is read elsewhere.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace secshr::admin {

struct ProcessStatus {
  uid_t uid = 0;  // effective
  gid_t gid = 0;
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
  std::uint64_t bounding = 0;
  bool no_new_privileges = false;
  unsigned seccomp = 0;  // 0 off, 1 strict, 2 filter
};

// nullopt where a line is missing or is not of the kernel's form.
std::optional<ProcessStatus> parse_process_status(std::string_view text);
// The time of start, in clock ticks since boot, of /proc/PID/stat, whose second field may hold anything.
std::optional<std::uint64_t> parse_start_ticks(std::string_view stat);
// The capabilities of a mask as libcap names them, in the kernel's order.
std::vector<std::string> capability_names(std::uint64_t mask);

}  // namespace secshr::admin
