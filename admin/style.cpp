#include "admin/style.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace secshr::admin {
namespace {

std::string_view sequence_of(Colour colour) noexcept {
  switch (colour) {
    case Colour::good:
      return "32";
    case Colour::warning:
      return "33";
    case Colour::bad:
      return "31;1";
    case Colour::faint:
      return "2";
    case Colour::strong:
      return "1";
  }
  return "0";
}

}  // namespace

bool has_colours() noexcept {
  if (const char* const unwanted = std::getenv("NO_COLOR"); unwanted != nullptr && *unwanted != '\0') return false;
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string coloured(std::string_view text, Colour colour) {
  if (!has_colours()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", sequence_of(colour), text);
}

}  // namespace secshr::admin
