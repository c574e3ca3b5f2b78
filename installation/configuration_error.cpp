#include "installation/configuration_error.h"

#include <fmt/format.h>

namespace secshr {

std::string to_string(const ConfigurationError& error) {
  if (error.line == 0) return fmt::format("{}: {}", error.file, error.what);
  return fmt::format("{}:{}:{}: {}", error.file, error.line, error.column, error.what);
}

}  // namespace secshr
