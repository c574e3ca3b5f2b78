// The directories that the invoker's environment names; the wrapper has cleaned them.
#pragma once

#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace secshr {

// The value of the first of these variables that is set; nullptr: none is.
[[nodiscard]] inline const char* first_set(std::span<const std::string_view> variables) {
  for (const std::string_view variable : variables) {
    if (const char* value = std::getenv(std::string(variable).c_str())) return value;
  }
  return nullptr;
}

}  // namespace secshr
