// Mapping the very file that a descriptor stands for.
#pragma once

#include <boost/interprocess/detail/os_file_functions.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <expected>

namespace secshr {

// Its first `size` bytes, shared. The descriptor (O_PATH is enough) is not needed afterwards. An errno where it
// fails.
[[nodiscard]] std::expected<boost::interprocess::mapped_region, int> map_file(
    int file, std::size_t size, boost::interprocess::mode_t mode) noexcept;

}  // namespace secshr
