// What the fuzz targets share: a property that does not hold ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string_view>

namespace secshr::fuzz {

using Bytes = std::span<const std::byte>;

inline void require(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

[[nodiscard]] inline Bytes bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

[[nodiscard]] inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Whether the view points into that text, and nowhere else.
[[nodiscard]] inline bool lies_within(std::string_view view, std::string_view whole) {
  return view.empty() || (std::greater_equal<>{}(view.data(), whole.data()) &&
                          std::less_equal<>{}(view.data() + view.size(), whole.data() + whole.size()));
}

// One line that a terminal takes for nothing else.
[[nodiscard]] inline bool is_printable_line(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

}  // namespace secshr::fuzz
