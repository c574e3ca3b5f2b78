// What the broker must know of a database file's header: that it is one, and the ids in it.
//
// The label is the first 12 bytes. A file written on a machine of the other byte order has the same label, so that
// its minor version tells: a little-endian one is a small number.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <span>

#include "protocol/limits.h"
#include "protocol/request.h"

namespace secshr::protocol {

enum class HeaderFault { truncated, label, byte_order };

struct DatabaseHeader {
  int format = 0;  // 6 or 7
  IpcIds ids;
};

// `bytes` is the beginning of the file: inspected_size of it or more.
[[nodiscard]] std::expected<DatabaseHeader, HeaderFault> parse_database_header(
    std::span<const std::byte> bytes) noexcept;

// The ids as they lie in the file at ids_offset.
[[nodiscard]] std::array<std::byte, ids_size> encode_ids(const IpcIds& ids) noexcept;
[[nodiscard]] IpcIds decode_ids(std::span<const std::byte, ids_size> bytes) noexcept;

}  // namespace secshr::protocol
