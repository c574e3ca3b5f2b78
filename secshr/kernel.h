// The one seam between the broker and the operating system. The real one is linux_kernel.h; tests and fuzzers put a
// simulated machine behind the same interface. Every error is a positive errno in std::unexpected.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/limits.h"
#include "system/descriptor.h"

namespace secshr {

using MonotonicTime = std::chrono::steady_clock::time_point;  // CLOCK_MONOTONIC: moving the clock changes no deadline

// Who sent a datagram, by the kernel's word: the real ids, translated into our namespaces.
struct Credentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// What came with one datagram. The bytes are in the buffer that the caller supplied.
struct Received {
  std::size_t size = 0;            // bytes in the buffer
  bool data_truncated = false;     // the datagram was longer than the buffer
  bool control_truncated = false;  // ancillary data was cut: nothing in it can be relied on
  std::optional<Credentials> credentials;
  Descriptor pidfd;  // of the sender; none where it was already gone
  char sender[protocol::socket_address_path_size + 1] =
      {};  // its address, NUL-terminated by us; empty when unbound or abstract
};

// A semaphore set or a segment, as it is now, whatever the broker's own permissions are (SEM_STAT_ANY, SHM_STAT_ANY).
struct SemaphoreSetFacts {
  uid_t uid = 0;   // owner
  uid_t cuid = 0;  // creator
  std::int64_t ctime = 0;
};
struct SegmentFacts {
  uid_t uid = 0;
  uid_t cuid = 0;
  std::int64_t ctime = 0;
  std::uint64_t attach_count = 0;
};

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  [[nodiscard]] virtual MonotonicTime now() noexcept = 0;

  // Takes one datagram without waiting; EAGAIN when there is none.
  [[nodiscard]] virtual std::expected<Received, int> receive(int socket, std::span<std::byte> buffer) noexcept = 0;

  // Whether the process that the pidfd stands for still runs.
  [[nodiscard]] virtual bool is_alive(int pidfd) noexcept = 0;

  // Sends one reply to the socket file `name` in `directory`, provided that it is, at that moment, a socket that
  // `client` owns, and never through a link. Never waits. EAGAIN: the client's queue is full; ENOENT, ECONNREFUSED:
  // gone; EPERM: somebody else's.
  [[nodiscard]] virtual std::expected<void, int> send_reply(int directory, const char* name,
                                                            const Credentials& client,
                                                            std::span<const std::byte> reply) noexcept = 0;

  // EINVAL: no such object.
  [[nodiscard]] virtual std::expected<SemaphoreSetFacts, int> semaphore_set(int semid) noexcept = 0;
  [[nodiscard]] virtual std::expected<SegmentFacts, int> segment(int shmid) noexcept = 0;
  // The process that last operated on the set's member 0, asked as the set's owner.
  [[nodiscard]] virtual std::expected<pid_t, int> last_operation_pid(int semid,
                                                                     const SemaphoreSetFacts& facts) noexcept = 0;
};

}  // namespace secshr
