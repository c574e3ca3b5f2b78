#include "secshr/linux_kernel.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "system/pidfd.h"

namespace secshr {

bool LinuxKernel::is_alive(int pidfd) noexcept {
  return is_running(pidfd);
}

std::expected<void, int> LinuxKernel::can_reply(int directory, const char* name, const Credentials& client) noexcept {
  return replies_.can_send(directory, name, client);
}

std::expected<void, int> LinuxKernel::send_reply(int directory, const char* name, const Credentials& client,
                                                 std::span<const std::byte> reply) noexcept {
  return replies_.send(directory, name, client, reply);
}

std::expected<Descriptor, int> LinuxKernel::open_process(pid_t pid) noexcept {
  Descriptor process = open_pidfd(pid);
  if (!process) return std::unexpected(errno);
  return process;
}

std::expected<void, int> LinuxKernel::signal_process(int pidfd, int signal) noexcept {
  if (signal != SIGALRM && signal != SIGCONT) return std::unexpected(EINVAL);
  constexpr std::array<cap_value_t, 1> kill{CAP_KILL};
  const RaisedCapabilities raised(kill);
  if (!raised.ok()) return std::unexpected(EPERM);
  if (!send_signal(pidfd, signal)) return std::unexpected(errno);
  return {};
}

}  // namespace secshr
