// System V objects as the kernel knows them now, whatever the asking process's own permissions are.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>

namespace secshr {

// What a semaphore set and a segment have in common. An id can come back with another object behind it: id, key and
// ctime tell them apart.
struct IpcObject {
  uid_t uid = 0;   // owner
  uid_t cuid = 0;  // creator
  std::int64_t ctime = 0;
  gid_t gid = 0;   // owner's
  gid_t cgid = 0;  // creator's
  unsigned mode = 0;
  key_t key = 0;
  bool operator==(const IpcObject&) const = default;
  // When root made it for somebody, one of the two is root and the other is who to act as.
  [[nodiscard]] uid_t acting_owner() const noexcept { return uid != 0 ? uid : cuid; }
};
struct SemaphoreSetFacts {
  IpcObject object;
  std::int64_t otime = 0;  // of the last semop(2); 0: none yet
};
struct SegmentFacts {
  IpcObject object;
  std::uint64_t attach_count = 0;
};

// Looking at any of them. Every error is a positive errno.
class IpcObjects {
 public:
  IpcObjects() = default;
  IpcObjects(const IpcObjects&) = delete;
  IpcObjects& operator=(const IpcObjects&) = delete;
  IpcObjects(IpcObjects&&) = default;
  IpcObjects& operator=(IpcObjects&&) = delete;
  virtual ~IpcObjects() = default;

  // EINVAL: no such object.
  [[nodiscard]] virtual std::expected<SemaphoreSetFacts, int> semaphore_set(int semid) noexcept = 0;
  [[nodiscard]] virtual std::expected<SegmentFacts, int> segment(int shmid) noexcept = 0;
};

// Those of our IPC namespace.
class LinuxIpcObjects final : public IpcObjects {
 public:
  [[nodiscard]] std::expected<SemaphoreSetFacts, int> semaphore_set(int semid) noexcept override;
  [[nodiscard]] std::expected<SegmentFacts, int> segment(int shmid) noexcept override;
};

// The kernel's word that there is no such object, or that it is being removed. After any other error it may live.
[[nodiscard]] bool is_gone(int error) noexcept;

}  // namespace secshr
