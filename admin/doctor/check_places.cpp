// Where brokers write: root's alone.
#include <fmt/format.h>

#include <array>

#include "admin/doctor/checks.h"
#include "admin/doctor/root_path.h"
#include "admin/look.h"
#include "admin/shell_word.h"
#include "secshr/start/root_directories.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

constexpr RootPathFindings log_findings{"log.owner", "log.mode"};
constexpr RootPathFindings run_findings{"run.owner", "run.mode"};

void check_log(const std::string& path, Report& report) {
  const auto status = look_at_root_path(path, log_findings, report);
  if (!status || (S_ISREG(status->st_mode) && status->st_nlink == 1)) return;
  report.add({"log.file", Severity::error, path,
              "It is not a regular file with one name: no broker starts that would have to write to it.",
              fmt::format("mv {0} {0}.aside", shell_word(path))});
}

// What is root's alone to read, or to write.
struct RunFile {
  std::string_view name;
  mode_t most;
};
constexpr std::array<RunFile, 6> run_files{{{"lock", 0600},
                                            {"control", 0600},
                                            {"configuration", 0600},
                                            {"directories", 0600},
                                            {"counters", 0644},
                                            {"namespaces", 0644}}};

void check_run_file(const std::string& directory, const RunFile& file, Report& report) {
  const std::string path = fmt::format("{}/{}", directory, file.name);
  const auto status = look_at(path);
  if (!status) {
    if (!is_missing(status.error())) report.could_not_look(path, describe_error(status.error()));
    return;
  }
  if (status->st_uid != 0) {
    report.add({run_findings.owner, Severity::error, path,
                fmt::format("uid {} owns it, and can keep secshr from starting.", status->st_uid),
                fmt::format("chown root:root {}", shell_word(path))});
  }
  const mode_t mode = status->st_mode & 07777U;
  if ((mode & ~file.most) == 0) return;
  report.add({run_findings.mode, Severity::error, path,
              fmt::format("It is open to others than root (mode {:04o}, not {:04o}).", mode, file.most),
              fmt::format("chmod {:04o} {}", file.most, shell_word(path))});
}

}  // namespace

void check_logs(const Machine& machine, Report& report) {
  const std::string base = machine.configuration ? machine.configuration->log_directory : paths::log;
  (void)look_at_root_path(base, log_findings, report);
  for (const Adopted& adopted : machine.adopted) {
    const std::string directory = base + "/" + adopted.installation.name;
    if (look_at_root_path(directory, log_findings, report)) check_log(directory + "/" + log_name, report);
  }
}

void check_run_directories(const Machine& machine, Report& report) {
  if (!look_at_root_path(paths::run, run_findings, report)) return;
  for (const Adopted& adopted : machine.adopted) {
    const std::string directory = adopted.run_directory();
    if (!look_at_root_path(directory, run_findings, report)) continue;
    for (const RunFile& file : run_files) check_run_file(directory, file, report);
  }
}

}  // namespace secshr::admin
