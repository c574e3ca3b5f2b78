#include "counters/map_file.h"

#include <array>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <cerrno>
#include <cstdio>

namespace secshr {

std::expected<boost::interprocess::mapped_region, int> map_file(int file, std::size_t size,
                                                                boost::interprocess::mode_t mode) noexcept try {
  // The library opens by name: this is the one name that no rename can move.
  std::array<char, 32> path{};
  (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", file);
  const boost::interprocess::file_mapping mapping(path.data(), mode);
  return boost::interprocess::mapped_region(mapping, mode, 0, size);
} catch (const boost::interprocess::interprocess_exception& failure) {
  return std::unexpected(failure.get_native_error() != 0 ? failure.get_native_error() : EIO);
} catch (...) {
  return std::unexpected(ENOMEM);
}

}  // namespace secshr
