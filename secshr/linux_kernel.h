// The real operating system behind the seam.
#pragma once

#include "secshr/kernel.h"

namespace secshr {

class LinuxKernel final : public Kernel {
 public:
  [[nodiscard]] MonotonicTime now() noexcept override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] std::expected<Received, int> receive(int socket, std::span<std::byte> buffer) noexcept override;
  [[nodiscard]] bool is_alive(int pidfd) noexcept override;
  [[nodiscard]] std::expected<void, int> send_reply(int directory, const char* name, const Credentials& client,
                                                    std::span<const std::byte> reply) noexcept override;
  [[nodiscard]] std::expected<SemaphoreSetFacts, int> semaphore_set(int semid) noexcept override;
  [[nodiscard]] std::expected<SegmentFacts, int> segment(int shmid) noexcept override;
  [[nodiscard]] std::expected<pid_t, int> last_operation_pid(int semid,
                                                             const SemaphoreSetFacts& facts) noexcept override;
};

}  // namespace secshr
