// Writes little-endian fields into a bounded buffer.
//
// The mirror of WireReader: the first field that does not fit fails the writer for good, and written() is then 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace secshr::protocol {

class WireWriter {
 public:
  explicit constexpr WireWriter(std::span<std::byte> out) noexcept : out_(out) {}

  constexpr void u8(std::uint8_t value) noexcept { number(value); }
  constexpr void u32(std::uint32_t value) noexcept { number(value); }
  constexpr void u64(std::uint64_t value) noexcept { number(value); }
  constexpr void i32(std::int32_t value) noexcept { number(static_cast<std::uint32_t>(value)); }
  constexpr void i64(std::int64_t value) noexcept { number(static_cast<std::uint64_t>(value)); }
  constexpr void text(std::string_view value) noexcept {
    std::size_t next = 0;
    for (std::byte& byte : room(value.size())) byte = static_cast<std::byte>(value[next++]);
  }

  [[nodiscard]] constexpr bool failed() const noexcept { return failed_; }
  // Bytes written so far, or 0 when something did not fit.
  [[nodiscard]] constexpr std::size_t written() const noexcept { return failed_ ? 0 : used_; }

 private:
  // The next `count` bytes of the buffer, or none.
  constexpr std::span<std::byte> room(std::size_t count) noexcept {
    if (failed_ || count > out_.size() - used_) {
      failed_ = true;
      return {};
    }
    const auto taken = out_.subspan(used_, count);
    used_ += count;
    return taken;
  }
  template <typename Number>
  constexpr void number(Number value) noexcept {
    unsigned shift = 0;
    for (std::byte& byte : room(sizeof(Number))) {
      byte = static_cast<std::byte>((value >> shift) & 0xff);
      shift += 8;
    }
  }

  std::span<std::byte> out_;
  std::size_t used_ = 0;
  bool failed_ = false;
};

}  // namespace secshr::protocol
