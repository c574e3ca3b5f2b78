#include "secshr/named_process.h"

#include <cerrno>

namespace secshr {

pid_t named_process(const protocol::Request& request) noexcept {
  if (const auto* wake = std::get_if<protocol::Wake>(&request)) return wake->pid;
  if (const auto* resume = std::get_if<protocol::ContinueProcess>(&request)) return resume->pid;
  return 0;
}

std::expected<Descriptor, Outcome> open_named_process(Kernel& kernel, const protocol::Request& request) noexcept {
  const pid_t pid = named_process(request);
  // Groups of processes and everybody are no process.
  if (pid <= 0) return std::unexpected(refused({rule::process_installation, EINVAL}));
  auto process = kernel.open_process(pid);
  if (process) return *std::move(process);
  if (process.error() != ESRCH) return std::unexpected(refused({rule::process_installation, EPERM}));
  if (std::holds_alternative<protocol::ContinueProcess>(request)) {
    return std::unexpected(Outcome{Verdict::done, rule::none, 0});
  }
  return std::unexpected(refused({rule::process_installation, ESRCH}));
}

}  // namespace secshr
