#include "fuzz/pipeline/asked.h"

#include <algorithm>

namespace secshr::pipeline {
namespace {

constexpr std::size_t longest_datagram = 4160;
constexpr std::size_t longest_path = 4099;
constexpr std::int32_t highest_pid = 4194304;

// Little-endian; zeros beyond the end.
std::uint64_t number_at(std::span<const std::byte> bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8 | (offset + i < bytes.size() ? std::to_integer<std::uint64_t>(bytes[offset + i]) : 0);
  }
  return value;
}
std::int32_t i32_at(std::span<const std::byte> bytes, std::size_t offset) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(number_at(bytes, offset, 4)));
}
std::int64_t i64_at(std::span<const std::byte> bytes, std::size_t offset) {
  return static_cast<std::int64_t>(number_at(bytes, offset, 8));
}

Kind kind_of(std::int32_t code) {
  constexpr std::int32_t explained = 0x200;
  switch (static_cast<std::int32_t>(static_cast<std::uint32_t>(code) & ~std::uint32_t{explained})) {
    case 1:
      return Kind::wake;
    case 2:
      return Kind::remove_set;
    case 3:
      return Kind::remove_segment;
    case 4:
      return Kind::remove_file;
    case 5:
      return Kind::resume;
    case 6:
      return Kind::flush;
    case 0x100:
      return Kind::ping;
    default:
      return Kind::unknown;
  }
}

// A path and the NUL behind it, which end the datagram.
bool read_path(std::span<const std::byte> bytes, std::string& path) {
  if (bytes.empty() || bytes.back() != std::byte{0} || bytes.size() - 1 > longest_path) return false;
  for (const std::byte byte : bytes.first(bytes.size() - 1)) path += static_cast<char>(byte);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; };
  return path.starts_with('/') && std::ranges::none_of(path, is_control);
}

// Opening, opening for stand-alone access, closing.
bool is_combination(const Ids& ids) {
  if (ids == Ids{}) return true;
  const bool has_set = ids.semid >= 0 && ids.sem_time != 0;
  const bool has_segment = ids.shmid >= 0 && ids.shm_time != 0;
  const bool has_none = ids.shmid == -1 && ids.shm_time == 0;
  return has_set && (has_segment || has_none);
}

bool read_body(std::span<const std::byte> bytes, Asked& asked) {
  switch (asked.kind) {
    case Kind::unknown:
      return false;
    case Kind::ping:
      return bytes.size() == 24;
    case Kind::wake:
    case Kind::resume:
    case Kind::remove_set:
    case Kind::remove_segment:
      asked.number = i32_at(bytes, 24);
      return bytes.size() == 28;
    case Kind::remove_file:
      return read_path(bytes.subspan(24), asked.path);
    case Kind::flush:
      asked.ids = {i32_at(bytes, 28), i32_at(bytes, 32), i64_at(bytes, 40), i64_at(bytes, 48)};
      if (bytes.size() < 61 || number_at(bytes, 56, 4) != bytes.size() - 61) return false;
      return read_path(bytes.subspan(60), asked.path) && is_combination(asked.ids);
  }
  return false;
}

std::optional<std::int32_t> read_pid(std::string_view digits) {
  if (digits.size() != 8) return std::nullopt;
  std::int64_t pid = 0;
  for (const char c : digits) {
    constexpr std::string_view upper = "0123456789ABCDEF";
    const auto digit = upper.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    pid = pid * 16 + static_cast<std::int64_t>(digit);
  }
  if (pid < 1 || pid > highest_pid) return std::nullopt;
  return static_cast<std::int32_t>(pid);
}

}  // namespace

std::optional<OwnedName> client_name(const Names& names, std::string_view name) {
  if (!name.starts_with(names.prefix)) return std::nullopt;
  name.remove_prefix(names.prefix.size());
  const bool lettered = name.size() == 9 && name.back() >= 'a' && name.back() <= 'z';
  if (lettered) name.remove_suffix(1);
  const auto pid = read_pid(name);
  if (!pid) return std::nullopt;
  return OwnedName{*pid, lettered};
}

std::optional<OwnedName> leftover_name(const Names& names, std::string_view name) {
  if (const auto client = client_name(names, name)) return client;
  if (names.mutex_prefix.empty() || !name.starts_with(names.mutex_prefix)) return std::nullopt;
  const auto pid = read_pid(name.substr(names.mutex_prefix.size()));
  if (!pid) return std::nullopt;
  return OwnedName{*pid, false};
}

std::string_view directory_of(std::string_view path) {
  return path.substr(0, path.rfind('/') + 1);
}
std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string_view Asked::recorded_name() const {
  switch (kind) {
    case Kind::ping:
      return "ping";
    case Kind::wake:
      return "wake";
    case Kind::remove_set:
      return "remove-semaphore-set";
    case Kind::remove_segment:
      return "remove-segment";
    case Kind::remove_file:
      return "remove-file";
    case Kind::resume:
      return "continue";
    case Kind::flush:
      return closing() ? "flush-header-close" : "flush-header-open";
    case Kind::unknown:
      break;
  }
  return has_header ? "unknown" : "-";
}

Asked read_datagram(std::span<const std::byte> bytes) {
  Asked asked;
  asked.has_header = bytes.size() >= 24;
  if (!asked.has_header) return asked;
  asked.code = i32_at(bytes, 0);
  asked.key = static_cast<std::uint32_t>(number_at(bytes, 4, 4));
  asked.flag = i32_at(bytes, 8);
  asked.pid = i32_at(bytes, 12);
  asked.sequence = number_at(bytes, 16, 8);
  asked.kind = kind_of(asked.code);
  asked.wants_rule = asked.kind != Kind::unknown && (static_cast<std::uint32_t>(asked.code) & 0x200U) != 0;
  asked.well_formed = bytes.size() <= longest_datagram && read_body(bytes, asked);
  return asked;
}

}  // namespace secshr::pipeline
