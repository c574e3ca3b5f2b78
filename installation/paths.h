// Which paths a file may name: absolute and already in the one form that compares equal to itself.
#pragma once

#include <optional>
#include <string_view>

namespace secshr {

// What is wrong with `path`, or nothing. Refused: relative, longer than `longest`, control characters, "." and ".."
// and empty components, a slash at the end. A path that needs none of them resolved means the same to everybody.
std::optional<std::string_view> path_fault(std::string_view path, std::size_t longest) noexcept;

}  // namespace secshr
