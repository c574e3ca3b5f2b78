// The host's environment, as far as it names directories; in a set-user-ID program it names nothing.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace secshr::client {

// nullptr: it is not set.
[[nodiscard]] inline const char* read_variable(std::string_view name) noexcept {
  std::array<char, 32> text{};
  if (name.size() >= text.size()) return nullptr;
  name.copy(text.data(), name.size());
  return ::secure_getenv(text.data());
}

}  // namespace secshr::client
