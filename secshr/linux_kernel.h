// The real operating system behind the seam.
#pragma once

#include "secshr/bound_names.h"
#include "secshr/kernel.h"
#include "secshr/privilege/act_as.h"
#include "secshr/reply_connections.h"
#include "secshr/reply_sockets.h"

namespace secshr {

class LinuxKernel final : public Kernel {
 public:
  // `root` says whether root's semaphore sets and segments may be removed.
  LinuxKernel(ReplySockets replies, ReplyConnections connections, BoundNames bound_names, ActingAsRoot root) noexcept;

  [[nodiscard]] MonotonicTime now() noexcept override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] std::expected<Received, int> receive(int socket, Queue queue,
                                                     std::span<std::byte> buffer) noexcept override;
  [[nodiscard]] bool is_alive(int pidfd) noexcept override;
  [[nodiscard]] bool has_ended(int pidfd) noexcept override;
  [[nodiscard]] std::expected<void, int> can_reply(int directory, const char* name,
                                                   const Credentials& client) noexcept override;
  [[nodiscard]] std::expected<void, int> send_reply(int directory, const char* name, const Credentials& client,
                                                    std::span<const std::byte> reply) noexcept override;
  std::optional<MonotonicTime> forget_idle() noexcept override { return connections_.forget_idle(now()); }
  [[nodiscard]] std::expected<SemaphoreSetFacts, int> semaphore_set(int semid) noexcept override {
    return ipc_objects_.semaphore_set(semid);
  }
  [[nodiscard]] std::expected<SegmentFacts, int> segment(int shmid) noexcept override {
    return ipc_objects_.segment(shmid);
  }
  [[nodiscard]] std::expected<pid_t, int> last_operation_pid(int semid,
                                                             const SemaphoreSetFacts& facts) noexcept override;
  [[nodiscard]] std::expected<void, int> remove_semaphore_set(int semid,
                                                              const SemaphoreSetFacts& seen) noexcept override;
  [[nodiscard]] std::expected<void, int> remove_segment(int shmid, const SegmentFacts& seen) noexcept override;
  [[nodiscard]] std::expected<Descriptor, int> open_process(pid_t pid) noexcept override;
  [[nodiscard]] std::expected<std::uint64_t, int> process_number(int pidfd) noexcept override;
  [[nodiscard]] std::expected<void, int> signal_process(int pidfd, int signal) noexcept override;
  [[nodiscard]] std::expected<NamedSocket, int> named_socket(int directory, const char* name, const Rights& rights,
                                                             AskTheList ask) noexcept override;
  [[nodiscard]] std::expected<void, int> remove_socket(int directory, const char* name, const Rights& rights,
                                                       const NamedSocket& seen) noexcept override;

 private:
  LinuxIpcObjects ipc_objects_;
  ReplySockets replies_;
  ReplyConnections connections_;
  BoundNames bound_names_;
  ActingAsRoot root_;
  bool pidfds_have_numbers_;
};

}  // namespace secshr
