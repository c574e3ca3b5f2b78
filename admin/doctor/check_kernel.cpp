// What the kernel has, and how it is set.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "admin/doctor/checks.h"
#include "admin/doctor/kernel_features.h"
#include "admin/look.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

constexpr std::string_view settings = "/proc/sys/";

// Nothing where the kernel has no such setting.
std::optional<std::string> setting(const std::string& path, Report& report) {
  const auto value = read_kernel_text(path);
  if (value) return *value;
  if (!is_missing(value.error())) report.could_not_look(path, describe_error(value.error()));
  return std::nullopt;
}

// Now and from the next boot on.
std::string command_to_set(std::string_view path, std::string_view value) {
  std::string name(path.substr(settings.size()));
  std::ranges::replace(name, '/', '.');
  return fmt::format("echo '{} = {}' >> /etc/sysctl.d/60-secshr.conf && sysctl --system", name, value);
}

struct Protection {
  const char* path;
  std::string_view id;
  Severity severity;
  std::string_view reason;
};
constexpr std::array<Protection, 4> protections{{
    {"/proc/sys/fs/protected_symlinks", "kernel.links", Severity::warning,
     "Programs of root can be led elsewhere by others' symbolic links in sticky directories."},
    {"/proc/sys/fs/protected_hardlinks", "kernel.links", Severity::warning,
     "Anybody can give a file of another's a second name, and keep a setuid program that was replaced."},
    {"/proc/sys/fs/protected_fifos", "kernel.sticky", Severity::notice,
     "Programs can be made to write to others' FIFOs in sticky directories."},
    {"/proc/sys/fs/protected_regular", "kernel.sticky", Severity::notice,
     "Programs can be made to write to others' files in sticky directories."},
}};

}  // namespace

void check_kernel_features(const Machine& /*machine*/, Report& report) {
  for (const KernelFeature& feature : kernel_features) {
    if (feature.is_there()) continue;
    report.add({"kernel.missing", feature.severity, "",
                fmt::format("The kernel has no {}: {}.", feature.name, feature.consequence), ""});
  }
}

void check_degraded_brokers(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    if (!adopted.broker || !adopted.broker->counters) continue;
    const std::uint64_t degraded = adopted.broker->counters->degraded;
    const auto check = [&](std::uint64_t bit, std::string_view name, bool kernel_has_it) {
      // Where the kernel has none either, that is said once.
      if ((degraded & bit) == 0 || !kernel_has_it) return;
      report.add({"kernel.degraded", Severity::warning, adopted.run_directory(),
                  fmt::format("The broker of {} runs without {}, which the kernel has by now.",
                              adopted.installation.name, name),
                  "secshrctl reload " + adopted.installation.name});
    };
    check(without_landlock, "Landlock", has_landlock());
    check(without_scm_pidfd, "SCM_PIDFD", has_scm_pidfd());
  }
}

void check_link_protection(const Machine& /*machine*/, Report& report) {
  for (const Protection& protection : protections) {
    if (setting(protection.path, report) != "0") continue;
    report.add({protection.id, protection.severity, protection.path, std::string(protection.reason),
                command_to_set(protection.path, "1")});
  }
}

void check_core_dumps(const Machine& /*machine*/, Report& report) {
  const std::string path = "/proc/sys/fs/suid_dumpable";
  const auto dumpable = setting(path, report);
  const auto pattern = setting("/proc/sys/kernel/core_pattern", report);
  if (!dumpable || *dumpable == "0" || !pattern || !pattern->starts_with('|')) return;
  report.add(
      {"kernel.core", Severity::notice, path,
       fmt::format("Memory of setuid programs that crash is handed to {}: secshr's own processes make no dumps, "
                   "other ones may.",
                   log_value(std::string_view(*pattern).substr(1))),
       command_to_set(path, "0")});
}

void check_ptrace_scope(const Machine& /*machine*/, Report& report) {
  const std::string path = "/proc/sys/kernel/yama/ptrace_scope";
  if (setting(path, report) != "0") return;
  report.add({"kernel.ptrace", Severity::notice, path,
              "Any process can trace the others of its user: where a database process is taken over, so are all.",
              command_to_set(path, "1")});
}

}  // namespace secshr::admin
