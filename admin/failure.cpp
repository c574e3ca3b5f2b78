#include "admin/failure.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace secshr::admin {

std::unexpected<Failure> refused(std::string what) {
  return std::unexpected(Failure{ExitStatus::findings, std::move(what)});
}

std::unexpected<Failure> error(std::string what) {
  return std::unexpected(Failure{ExitStatus::error, std::move(what)});
}

std::unexpected<Failure> system_error(std::string_view path, std::string_view doing) {
  const char* const text = std::strerror(errno);
  return error(fmt::format("{}: cannot {}: {}", path, doing, text));
}

Result<void> require_root() {
  if (geteuid() != 0) return error("this must be run as root (for example with sudo)");
  return {};
}

}  // namespace secshr::admin
