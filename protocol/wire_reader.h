// Reads little-endian fields off the front of a bounded buffer.
//
// Each read compares with what is left. The first one that does not fit fails the reader for good: it and all later
// ones give zeros or nothing, so that a decoder may read all its fields first and ask complete() once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace secshr::protocol {

class WireReader {
 public:
  explicit constexpr WireReader(std::span<const std::byte> bytes) noexcept : left_(bytes) {}

  [[nodiscard]] constexpr std::uint8_t u8() noexcept { return number<std::uint8_t>(); }
  [[nodiscard]] constexpr std::uint32_t u32() noexcept { return number<std::uint32_t>(); }
  [[nodiscard]] constexpr std::uint64_t u64() noexcept { return number<std::uint64_t>(); }
  [[nodiscard]] constexpr std::int32_t i32() noexcept { return static_cast<std::int32_t>(u32()); }
  [[nodiscard]] constexpr std::int64_t i64() noexcept { return static_cast<std::int64_t>(u64()); }

  // The next `count` bytes, or none.
  [[nodiscard]] constexpr std::span<const std::byte> bytes(std::size_t count) noexcept {
    if (count > left_.size()) {
      failed_ = true;
      left_ = {};  // so that nothing fits any more
      return {};
    }
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  [[nodiscard]] std::string_view text(std::size_t count) noexcept {
    const auto taken = bytes(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  constexpr void skip(std::size_t count) noexcept { (void)bytes(count); }

  [[nodiscard]] constexpr std::size_t left() const noexcept { return left_.size(); }
  [[nodiscard]] constexpr bool failed() const noexcept { return failed_; }
  // Everything fitted and nothing trails.
  [[nodiscard]] constexpr bool complete() const noexcept { return !failed_ && left_.empty(); }

 private:
  template <typename Number>
  constexpr Number number() noexcept {
    Number value = 0;
    unsigned shift = 0;
    for (const std::byte byte : bytes(sizeof(Number))) {
      value = static_cast<Number>(value | (std::to_integer<Number>(byte) << shift));
      shift += 8;
    }
    return value;
  }

  std::span<const std::byte> left_;
  bool failed_ = false;
};

}  // namespace secshr::protocol
