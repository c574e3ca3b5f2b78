#include "admin/adoption/package_manager.h"

#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "admin/packages.h"
#include "admin/run_program.h"

namespace secshr::admin {
namespace {

constexpr char divert_program[] = "/usr/bin/dpkg-divert";
constexpr char override_program[] = "/usr/bin/dpkg-statoverride";

bool is_there() noexcept {
  return access(divert_program, X_OK) == 0 && access(override_program, X_OK) == 0;
}

const std::vector<std::string> environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};

Result<ProgramEnd> ask(const char* program, const std::vector<std::string>& arguments) {
  return run_program(program, arguments, environment, Output::kept);
}

Result<void> run_well(const char* program, const std::vector<std::string>& arguments) {
  const auto end = run_program(program, arguments, environment, Output::shown);
  if (!end) return std::unexpected(end.error());
  if (end->status != 0)
    return error(fmt::format("{} {} failed with status {}", program, fmt::join(arguments, " "), end->status));
  return {};
}

// By us: another's diversion is not ours to change.
Result<bool> is_diverted(const std::string& path) {
  const auto end = ask(divert_program, {"--listpackage", path});
  if (!end) return std::unexpected(end.error());
  return end->output == "secshr\n";
}

// Owner, group and mode that are to be had instead of the package's, and the path; empty: none.
Result<std::string> override_of(const std::string& path) {
  const auto end = ask(override_program, {"--list", path});
  if (!end) return std::unexpected(end.error());
  return end->status == 0 ? end->output : std::string();
}

// In the two forms in which dpkg shows a mode.
bool is_ours(const std::string& overriding) {
  return overriding.starts_with("root root 755 ") || overriding.starts_with("root root 0755 ");
}

}  // namespace

Result<bool> is_package_file(const std::string& path) {
  if (!is_there()) return false;
  const auto package = package_of(path);
  if (!package) return error(fmt::format("{}: cannot be read", package.error()));
  return !package->empty();
}

Result<void> divert_package_file(const std::string& path, const std::string& kept, Undo& undo) {
  const auto diverted = is_diverted(path);
  if (!diverted) return std::unexpected(diverted.error());
  if (!*diverted) {
    undo.add([path] { (void)undivert_package_file(path); });
    if (auto done = run_well(divert_program,
                             {"--quiet", "--package", "secshr", "--no-rename", "--divert", kept, "--add", path});
        !done) {
      return done;
    }
  }
  const auto overriding = override_of(path);
  if (!overriding) return std::unexpected(overriding.error());
  if (!overriding->empty()) return {};
  return run_well(override_program, {"--quiet", "--add", "root", "root", "0755", path});
}

Result<void> undivert_package_file(const std::string& path) {
  if (!is_there()) return {};
  const auto diverted = is_diverted(path);
  if (!diverted) return std::unexpected(diverted.error());
  if (!*diverted) return {};
  const auto overriding = override_of(path);
  if (!overriding) return std::unexpected(overriding.error());
  if (is_ours(*overriding)) {
    if (auto done = run_well(override_program, {"--quiet", "--remove", path}); !done) return done;
  }
  return run_well(divert_program, {"--quiet", "--package", "secshr", "--no-rename", "--remove", path});
}

}  // namespace secshr::admin
