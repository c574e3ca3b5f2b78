// The fuzzer's bytes as small numbers: each byte is one, counted from '0', so that inputs can be read and written
// with an editor. Behind the end there are zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace secshr::pipeline {

class StepInput {
 public:
  explicit StepInput(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool at_end() const noexcept { return next_ >= bytes_.size(); }
  // Blanks are nothing, but where bytes are taken as they are.
  void skip_blanks() noexcept {
    while (!at_end() && (bytes_[next_] == ' ' || bytes_[next_] == '\n')) ++next_;
  }
  [[nodiscard]] std::uint8_t raw() noexcept { return at_end() ? '0' : bytes_[next_++]; }
  [[nodiscard]] char letter() noexcept {
    skip_blanks();
    return static_cast<char>(raw());
  }
  [[nodiscard]] unsigned number() noexcept {
    skip_blanks();
    return static_cast<std::uint8_t>(raw() - '0');
  }
  [[nodiscard]] unsigned below(unsigned limit) noexcept { return number() % limit; }
  template <typename Choices>
  [[nodiscard]] auto& one_of(Choices& choices) noexcept {
    return choices[below(static_cast<unsigned>(std::size(choices)))];
  }
  void skip_line() noexcept {
    while (!at_end() && bytes_[next_] != '\n') ++next_;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t next_ = 0;
};

}  // namespace secshr::pipeline
