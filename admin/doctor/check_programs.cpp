// secshr's own programs, as installed: root's alone, and without a setuid bit of their own.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <optional>
#include <string_view>

#include "admin/doctor/checks.h"
#include "admin/doctor/mounts.h"
#include "admin/doctor/root_path.h"
#include "admin/look.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

struct Program {
  const char* path;
  std::string_view missing;
  RootPathFindings findings;
};

// Whether there is a program to look further at.
std::optional<struct stat> look_at_program(const Program& program, Report& report) {
  const auto status = look_at_root_path(program.path, program.findings, report);
  if (status && S_ISREG(status->st_mode) && (status->st_mode & S_IXUSR) != 0) return status;
  const auto found = look_at(program.path);
  if (status || (!found && is_missing(found.error()))) {
    report.add({program.missing, Severity::error, program.path,
                "There is no program: secshr is not installed completely.", "apt-get install --reinstall secshr"});
  }
  return std::nullopt;
}

}  // namespace

void check_installed_wrapper(const Machine& /*machine*/, Report& report) {
  const auto status = look_at_program({paths::wrapper, "wrapper.missing", {"wrapper.owner", "wrapper.mode"}}, report);
  if (!status || (status->st_mode & (S_ISUID | S_ISGID)) == 0) return;
  report.add({"wrapper.setuid", Severity::warning, paths::wrapper,
              "It is what adopt copies, and needs no setuid bit itself: nobody is to run it from here.",
              fmt::format("chmod ug-s {}", paths::wrapper)});
}

void check_installed_broker(const Machine& /*machine*/, Report& report) {
  const auto status = look_at_program({paths::broker, "broker.missing", {"broker.owner", "broker.mode"}}, report);
  if (status && (status->st_mode & (S_ISUID | S_ISGID)) != 0) {
    report.add(
        {"broker.mode", Severity::error, paths::broker,
         "It has a setuid or setgid bit: only the wrapper, which clears its environment, may start it as root.",
         fmt::format("chmod ug-s {}", paths::broker)});
  }
  if (status) check_not_mounted(paths::broker, ST_NOEXEC, "broker.noexec", "no wrapper can execute it", report);
}

}  // namespace secshr::admin
