// Fixed offsets, the same in every format that has these labels.
#include "protocol/database_header.h"

#include <optional>
#include <string_view>

#include "protocol/wire_reader.h"
#include "protocol/wire_writer.h"

namespace secshr::protocol {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t minor_version_offset = 112;
// Real ones are below 100. Any number up to this one is above it when its bytes are swapped.
constexpr std::uint32_t maximum_minor_version = 0xFFFF;

std::optional<int> format_of(std::string_view label) noexcept {
  if (label == "GDSDYNUNX03\0"sv) return 6;
  if (label == "GDSDYNUNX04\0"sv) return 7;
  return std::nullopt;
}

}  // namespace

std::expected<DatabaseHeader, HeaderFault> parse_database_header(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < inspected_size) return std::unexpected(HeaderFault::truncated);
  const auto format = format_of(WireReader(bytes).text("GDSDYNUNX03\0"sv.size()));
  if (!format) return std::unexpected(HeaderFault::label);
  const std::uint32_t minor_version = WireReader(bytes.subspan(minor_version_offset)).u32();
  if (minor_version == 0 || minor_version > maximum_minor_version) return std::unexpected(HeaderFault::byte_order);
  return DatabaseHeader{*format, decode_ids(bytes.subspan<ids_offset, ids_size>())};
}

std::array<std::byte, ids_size> encode_ids(const IpcIds& ids) noexcept {
  std::array<std::byte, ids_size> bytes{};
  WireWriter writer(bytes);
  writer.i32(ids.semid);
  writer.i32(ids.shmid);
  writer.i64(ids.sem_ctime);
  writer.i64(ids.shm_ctime);
  return bytes;
}

IpcIds decode_ids(std::span<const std::byte, ids_size> bytes) noexcept {
  WireReader reader(bytes);
  IpcIds ids;
  ids.semid = reader.i32();
  ids.shmid = reader.i32();
  ids.sem_ctime = reader.i64();
  ids.shm_ctime = reader.i64();
  return ids;
}

}  // namespace secshr::protocol
