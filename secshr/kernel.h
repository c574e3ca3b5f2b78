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
#include "secshr/ipc_objects.h"
#include "system/descriptor.h"

namespace secshr {

using MonotonicTime = std::chrono::steady_clock::time_point;  // CLOCK_MONOTONIC: moving the clock changes no deadline

using BootTime = std::chrono::nanoseconds;  // CLOCK_BOOTTIME, which the start times of processes are counted in

// Who sent a datagram, by the kernel's word: the real ids, translated into our namespaces.
struct Credentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  // When it was sent, where the kernel passes no pidfd along: what has that pid and started later is somebody else.
  std::optional<BootTime> sent = std::nullopt;
};

// A sealed queue (queue_seal.h) stays as it is: each datagram in it is received once, but none is taken out.
enum class Queue { open, sealed };

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

// The ids that decide what somebody may do. `groups` belong to somebody else.
struct Rights {
  uid_t uid = 0;
  gid_t gid = 0;
  std::span<const gid_t> groups;
};

// What a name in a served directory stands for, looked up without following a link.
struct NamedSocket {
  std::uint64_t inode = 0;
  uid_t owner = 0;
  unsigned mode = 0;
  bool is_socket = false;
  bool is_bound = false;               // somebody still receives there, or nobody can tell
  bool directory_is_writable = false;  // for whom it was looked up
};

// Root's socket file that only root may write to answers nobody whether somebody is bound to it. Whether the list of
// bound names then decides; it is long, it can miss one while others go, and it says nothing of other network
// namespaces: good enough for a name that only a process which has ended could have used.
enum class AskTheList : bool { no, yes };

class Kernel : public IpcObjects {
 public:
  [[nodiscard]] virtual MonotonicTime now() noexcept = 0;

  // Takes one datagram without waiting; EAGAIN when there is none.
  [[nodiscard]] virtual std::expected<Received, int> receive(int socket, Queue queue,
                                                             std::span<std::byte> buffer) noexcept = 0;

  // Whether the process that the pidfd stands for certainly still runs, and whether it certainly does not any more:
  // neither, where the machine cannot say.
  [[nodiscard]] virtual bool is_alive(int pidfd) noexcept = 0;
  [[nodiscard]] virtual bool has_ended(int pidfd) noexcept = 0;

  // Whether a reply would get through: the socket file `name` in `directory` is, at this moment, a socket that
  // `client` owns and somebody is bound to. Errors as send_reply's.
  [[nodiscard]] virtual std::expected<void, int> can_reply(int directory, const char* name,
                                                           const Credentials& client) noexcept = 0;
  // Sends one reply to the socket file `name` in `directory`, provided that it is, at that moment, a socket that
  // `client` owns, and never through a link. Never waits. EAGAIN: the client's queue is full; ENOENT, ECONNREFUSED:
  // gone; EPERM: somebody else's.
  [[nodiscard]] virtual std::expected<void, int> send_reply(int directory, const char* name,
                                                            const Credentials& client,
                                                            std::span<const std::byte> reply) noexcept = 0;

  // What is kept for clients that asked a moment ago is let go where they ask no more. When to come again; nullopt:
  // nothing is kept.
  virtual std::optional<MonotonicTime> forget_idle() noexcept { return std::nullopt; }

  // The process that last operated on the set's member 0, asked as one of those who may read the set; nobody acts as
  // root unless that is allowed. 0: none, or none that can be seen from here.
  [[nodiscard]] virtual std::expected<pid_t, int> last_operation_pid(int semid,
                                                                     const SemaphoreSetFacts& facts) noexcept = 0;

  // Removes the object as its owner, provided that it still is the one that was seen, and, for a segment, that nobody
  // is attached. EINVAL: it is gone, or another one by now; EBUSY: attached.
  [[nodiscard]] virtual std::expected<void, int> remove_semaphore_set(int semid,
                                                                      const SemaphoreSetFacts& seen) noexcept = 0;
  [[nodiscard]] virtual std::expected<void, int> remove_segment(int shmid, const SegmentFacts& seen) noexcept = 0;

  // A pidfd. ESRCH: no such process; any other error: no process can have that number.
  [[nodiscard]] virtual std::expected<Descriptor, int> open_process(pid_t pid) noexcept = 0;
  // A number of the process that the pidfd stands for which no other one has had since the machine was booted.
  // ENOSYS: this kernel has none.
  [[nodiscard]] virtual std::expected<std::uint64_t, int> process_number(int pidfd) noexcept = 0;
  // SIGALRM and SIGCONT are the only ones there are.
  [[nodiscard]] virtual std::expected<void, int> signal_process(int pidfd, int signal) noexcept = 0;

  // Looks a name up as `rights` has it. ENOENT: no such name; EACCES: the directory cannot be searched.
  [[nodiscard]] virtual std::expected<NamedSocket, int> named_socket(int directory, const char* name,
                                                                     const Rights& rights,
                                                                     AskTheList ask) noexcept = 0;
  // One unlink, with those rights but past the sticky bit, provided that the name still stands for what was seen and
  // nobody is bound to it, as far as the list of bound names says, too.
  [[nodiscard]] virtual std::expected<void, int> remove_socket(int directory, const char* name, const Rights& rights,
                                                               const NamedSocket& seen) noexcept = 0;
};

}  // namespace secshr
