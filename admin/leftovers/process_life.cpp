#include "admin/leftovers/process_life.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <iterator>

#include "admin/brokers/process_status.h"
#include "secshr/audit/logfmt.h"
#include "system/pidfd.h"

namespace secshr::admin {
namespace {

std::string read_of_process(pid_t pid, std::string_view file) {
  std::ifstream stream(fmt::format("/proc/{}/{}", pid, file));
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

bool lives(pid_t pid) {
  const Descriptor process = open_pidfd(pid);
  if (process) return !has_ended(process.get());
  // EINVAL: the number is a thread's now.
  return errno != ESRCH && errno != EINVAL;
}

bool lives_since(pid_t pid, std::int64_t time) {
  if (!lives(pid)) return false;
  const auto ticks = parse_start_ticks(read_of_process(pid, "stat"));
  if (!ticks) return lives(pid);
  timespec now{};
  timespec since_boot{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto started = now.tv_sec - since_boot.tv_sec + static_cast<std::int64_t>(*ticks) / sysconf(_SC_CLK_TCK);
  constexpr std::int64_t rounding = 2;
  return started <= time + rounding;
}

std::string name_of_process(pid_t pid) {
  std::string name = read_of_process(pid, "comm");
  if (name.ends_with('\n')) name.pop_back();
  return name.empty() ? name : log_value(name);
}

}  // namespace secshr::admin
