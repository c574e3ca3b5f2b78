#include "secshr/linux_kernel.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "system/pidfd.h"

// Newer than Debian 12's headers.
#ifndef PIDFS_MAGIC
#define PIDFS_MAGIC 0x50494446
#endif

namespace secshr {
namespace {

// Where pidfds have a file system of their own (Linux 6.9), the inode is the process's alone; before, all have the
// same one.
bool are_pidfds_numbered() noexcept {
  const Descriptor self = open_pidfd(::getpid());
  struct statfs file_system{};
  return self && ::fstatfs(self.get(), &file_system) == 0 && file_system.f_type == PIDFS_MAGIC;
}

}  // namespace

bool LinuxKernel::is_alive(int pidfd) noexcept {
  return is_running(pidfd);
}

bool LinuxKernel::has_ended(int pidfd) noexcept {
  return secshr::has_ended(pidfd);
}

std::expected<void, int> LinuxKernel::can_reply(int directory, const char* name, const Credentials& client) noexcept {
  if (const auto reached = connections_.reach(directory, name, client, now())) return *reached;
  return replies_.can_send(directory, name, client);
}

std::expected<void, int> LinuxKernel::send_reply(int directory, const char* name, const Credentials& client,
                                                 std::span<const std::byte> reply) noexcept {
  if (const auto sent = connections_.send(directory, name, client, reply, now())) return *sent;
  return replies_.send(directory, name, client, reply);
}

std::expected<Descriptor, int> LinuxKernel::open_process(pid_t pid) noexcept {
  Descriptor process = open_pidfd(pid);
  if (!process) return std::unexpected(errno);
  return process;
}

LinuxKernel::LinuxKernel(ReplySockets replies, ReplyConnections connections, BoundNames bound_names,
                         ActingAsRoot root) noexcept
    : replies_(std::move(replies)),
      connections_(std::move(connections)),
      bound_names_(std::move(bound_names)),
      root_(root),
      pidfds_have_numbers_(are_pidfds_numbered()) {}

std::expected<std::uint64_t, int> LinuxKernel::process_number(int pidfd) noexcept {
  if (!pidfds_have_numbers_) return std::unexpected(ENOSYS);
  struct stat facts{};
  if (::fstat(pidfd, &facts) != 0) return std::unexpected(errno);
  return facts.st_ino;
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
