#include "secshr/start/instance_lock.h"

#include <fcntl.h>

#include <boost/interprocess/exceptions.hpp>
#include <cerrno>

#include "system/descriptor.h"

namespace secshr {

std::expected<InstanceLock, int> InstanceLock::open(const std::string& path) noexcept try {
  // The library opens what is there but makes nothing. This descriptor is closed before the lock is taken: closing
  // any descriptor of the file would give the lock up.
  const Descriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return std::unexpected(errno);
  return InstanceLock(boost::interprocess::file_lock(path.c_str()));
} catch (const boost::interprocess::interprocess_exception& failure) {
  return std::unexpected(failure.get_native_error());
} catch (...) {
  return std::unexpected(ENOMEM);
}

bool InstanceLock::try_take() noexcept try { return lock_.try_lock(); } catch (...) {
  return false;
}

// Shared and at once given back: only an exclusive holder is in the way of it, other starters that look are not.
bool InstanceLock::held_by_another() noexcept try {
  if (!lock_.try_lock_sharable()) return true;
  lock_.unlock_sharable();
  return false;
} catch (...) {
  return true;
}

}  // namespace secshr
