// A text as one word of a command line that an administrator copies: pure.
#pragma once

#include <string>
#include <string_view>

namespace secshr::admin {

// As it is where no shell sees anything in it; in quotes otherwise. Always printable ASCII: what is not is escaped as
// bash, ksh and zsh read it ($'\012'), so that a path can neither run anything nor draw on the terminal.
[[nodiscard]] std::string shell_word(std::string_view text);

}  // namespace secshr::admin
