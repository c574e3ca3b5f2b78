// Taking one datagram, with everything the kernel says of its sender.
#include <linux/version.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "secshr/linux_kernel.h"
#include "secshr/time_of_sending.h"
#include "system/pidfd.h"

// Newer than glibc 2.36.
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

namespace secshr {
namespace {

// Room for the credentials, a pidfd or the time of sending (see prepare() in server_socket.cpp), and a descriptor
// that a kernel without SO_PASSRIGHTS still delivers. More than that is truncated, and a truncated datagram is
// refused.
constexpr std::size_t control_size = CMSG_SPACE(sizeof(ucred)) +
                                     std::max(CMSG_SPACE(sizeof(int)), CMSG_SPACE(sizeof(timespec))) +
                                     CMSG_SPACE(sizeof(int));

template <typename Value>
bool take(const cmsghdr& header, Value& out) noexcept {
  if (header.cmsg_len != CMSG_LEN(sizeof out)) return false;
  std::memcpy(&out, CMSG_DATA(&header), sizeof out);
  return true;
}

// Whatever descriptors came are ours to close.
void close_all(const cmsghdr& header) noexcept {
  const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t index = 0; index < count; ++index) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(&header) + index * sizeof descriptor, sizeof descriptor);
    (void)::close(descriptor);
  }
}

// The stamp, if one came.
std::optional<timespec> take_control(msghdr& message, Received& received) noexcept {
  std::optional<timespec> stamp;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      if (take(*header, credentials))
        received.credentials = Credentials{credentials.pid, credentials.uid, credentials.gid};
    } else if (header->cmsg_type == SCM_PIDFD) {
      // A negative number, where the sender was already gone, makes no descriptor.
      int pidfd = -1;
      if (take(*header, pidfd)) received.pidfd.reset(pidfd);
    } else if (header->cmsg_type == SCM_TIMESTAMPNS) {
      timespec time{};
      if (take(*header, time)) stamp = time;
    } else if (header->cmsg_type == SCM_RIGHTS) {
      close_all(*header);
    }
  }
  return stamp;
}

std::chrono::nanoseconds nanoseconds_of(const timespec& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::chrono::nanoseconds read_clock(clockid_t clock) noexcept {
  timespec now{};
  (void)::clock_gettime(clock, &now);  // both of ours exist
  return nanoseconds_of(now);
}

// Only a kernel without SCM_PIDFD is asked for stamps: where one came, the sender is opened by pid, which may by now
// be another process's. Whoever looks at that one compares its start with the time of sending. Where none came and no
// pidfd either, the sender has gone.
void open_by_pid(const timespec& stamp, Received& received) noexcept {
  if (!received.credentials || received.credentials->pid <= 0 || received.control_truncated) return;
  const WallTime now = read_clock(CLOCK_REALTIME);  // first, see time_of_sending.h
  received.credentials->sent = time_of_sending(nanoseconds_of(stamp), now, read_clock(CLOCK_BOOTTIME));
  received.pidfd = open_pidfd(received.credentials->pid);
}

// So many bytes more than were received.
void pass_over(int socket, std::size_t bytes) noexcept {
  int offset = 0;
  socklen_t length = sizeof offset;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, &offset, &length) != 0) return;
  offset += static_cast<int>(bytes);
  (void)::setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

std::expected<Received, int> take_next(int socket, Queue queue, std::span<std::byte> buffer) noexcept {
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[control_size] = {};
  // With room for the NUL that the kernel adds behind a full sun_path, and counts.
  struct {
    sockaddr_un address;
    char nul;
  } sender{};
  msghdr message{};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  // With the whole size of what did not fit: in a sealed queue the rest of it would be the next.
  const int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC | (queue == Queue::sealed ? MSG_PEEK : 0);
  ssize_t size = -1;
  do {
    size = ::recvmsg(socket, &message, flags);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return std::unexpected(errno);

  Received received;
  received.size = std::min(static_cast<std::size_t>(size), buffer.size());
  if (queue == Queue::sealed && received.size < static_cast<std::size_t>(size)) {
    pass_over(socket, static_cast<std::size_t>(size) - received.size);
  }
  received.data_truncated = (message.msg_flags & MSG_TRUNC) != 0;
  received.control_truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  const auto stamp = take_control(message, received);
  // An abstract name begins with a NUL and stays empty here.
  constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
  if (message.msg_namelen > path_offset) {
    const std::size_t length =
        std::min<std::size_t>(message.msg_namelen - path_offset, sizeof sender.address.sun_path);
    std::memcpy(received.sender, sender.address.sun_path, length);
  }
  if (stamp) open_by_pid(*stamp, received);
  return received;
}

// What a seal has put into the queue (queue_seal.h). Nobody else can have our pid.
bool is_our_own(const Received& received) noexcept {
  return received.credentials && received.credentials->pid == ::getpid();
}

}  // namespace

std::expected<Received, int> LinuxKernel::receive(int socket, Queue queue, std::span<std::byte> buffer) noexcept {
  while (true) {
    auto received = take_next(socket, queue, buffer);
    if (!received || !is_our_own(*received)) return received;
  }
}

}  // namespace secshr
