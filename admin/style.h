// Colours, where a person looks: on a terminal that has them, unless $NO_COLOR is set.
#pragma once

#include <string>
#include <string_view>

namespace secshr::admin {

enum class Colour { good, warning, bad, faint, strong };

// Of the standard output.
[[nodiscard]] bool has_colours() noexcept;
// The text as it is where there are none.
[[nodiscard]] std::string coloured(std::string_view text, Colour colour);

}  // namespace secshr::admin
