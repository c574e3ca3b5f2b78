// The lock of an installation: whoever holds it is its broker. A POSIX record lock belongs to the process, not to its
// children, and goes with it; so it is taken after the last fork.
#pragma once

#include <sys/types.h>

#include <boost/interprocess/sync/file_lock.hpp>
#include <expected>
#include <optional>
#include <string>

namespace secshr {

class InstanceLock {
 public:
  // `path` is in a root-controlled directory; the file is made, 0600, where it is missing. Errors are errno values.
  [[nodiscard]] static std::expected<InstanceLock, int> open(const std::string& path) noexcept;

  // Without waiting: whether it is ours now.
  [[nodiscard]] bool try_take() noexcept;
  // Whether another process holds it, at this moment.
  [[nodiscard]] bool held_by_another() noexcept;

 private:
  explicit InstanceLock(boost::interprocess::file_lock lock) noexcept : lock_(std::move(lock)) {}
  boost::interprocess::file_lock lock_;
};

}  // namespace secshr
