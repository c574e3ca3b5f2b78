// How a command of secshrctl ends: one of five exit statuses, and where it failed one message that says what to do.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace secshr::admin {

enum class ExitStatus : int {
  fine = 0,
  findings = 1,  // or refused: the machine is not in the state the command needs
  usage = 2,
  not_running = 3,
  error = 4,  // the command could not be carried out, or not by this user
};

struct Failure {
  ExitStatus status = ExitStatus::error;
  std::string what;
};

template <class T>
using Result = std::expected<T, Failure>;

std::unexpected<Failure> refused(std::string what);
std::unexpected<Failure> error(std::string what);
// "PATH: cannot DOING: " and the text of errno.
std::unexpected<Failure> system_error(std::string_view path, std::string_view doing);

// Only root can adopt and restore, and look at locks.
Result<void> require_root();

}  // namespace secshr::admin
