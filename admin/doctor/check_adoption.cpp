// The wrapper in each adopted installation, and what it took the place of: no other way to root is left, and no
// upgrade of a package undoes it.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <array>

#include "admin/adoption/adoption.h"
#include "admin/adoption/distribution.h"
#include "admin/doctor/checks.h"
#include "admin/doctor/mounts.h"
#include "admin/doctor/root_path.h"
#include "admin/look.h"
#include "admin/packages.h"
#include "admin/shell_word.h"

namespace secshr::admin {
namespace {

constexpr mode_t permission_bits = 07777;

std::string adopt_again(const Installation& installation) {
  return "secshrctl adopt " + shell_word(installation.directory);
}

void check_contents(const Installation& installation, const Distribution& distribution, const std::string& path,
                    Report& report) {
  if (distribution.helper.kind == HelperFile::Kind::foreign) {
    // Another original than the one that was kept: adopt does not decide which of them is wanted.
    const bool is_another =
        distribution.original.exists() && distribution.original.contents != distribution.helper.contents;
    const std::string removal =
        is_another ? fmt::format("rm {} && ", shell_word(distribution.original_path())) : std::string();
    report.add({"wrapper.foreign", Severity::error, path,
                "It is not secshr's: the installation was upgraded, and runs its own helper again.",
                removal + adopt_again(installation)});
    return;
  }
  const auto installed = read_installed_wrapper();
  if (!installed || *installed == distribution.helper.contents) return;
  report.add({"wrapper.version", Severity::warning, path, "It is a copy of another version of secshr's wrapper.",
              adopt_again(installation)});
}

void check_access(const Installation& installation, const Distribution& distribution, const std::string& path,
                  Report& report) {
  if (distribution.helper.kind != HelperFile::Kind::ours) return;
  const struct stat& status = distribution.helper.status;
  const Access expected = wrapper_access(*installation.profile, distribution);
  const Access found{status.st_mode & permission_bits, status.st_gid};
  if ((found.mode & S_ISUID) == 0) {
    report.add({"wrapper.setuid", Severity::error, path,
                "It has no setuid bit: it cannot become root, and no client is served.", adopt_again(installation)});
  } else if (found != expected) {
    report.add({"wrapper.mode", Severity::warning, path,
                fmt::format("It has group {} and mode {:04o}, where the original's users make it {} and {:04o}.",
                            found.group, found.mode, expected.group, expected.mode),
                adopt_again(installation)});
  }
}

void check_adopted_wrapper(const Installation& installation, Report& report) {
  const std::string path = wrapper_path(installation.directory);
  const auto status = look_at_root_path(path, {"wrapper.owner", "wrapper.mode"}, report);
  const auto found = look_at(path);
  if (!found && is_missing(found.error())) {
    report.add({"wrapper.missing", Severity::error, path, "There is none: no client of the installation is served.",
                adopt_again(installation)});
  }
  if (!status) return;
  // What others could have written is not looked at further, until that is mended.
  const auto distribution = read_distribution(installation.directory);
  if (!distribution || !distribution->helper.exists()) return;
  check_contents(installation, *distribution, path, report);
  check_access(installation, *distribution, path, report);
}

// A helper that whoever reaches it can run as root.
bool is_runnable_as_root(const struct stat& status) noexcept {
  return S_ISREG(status.st_mode) && status.st_uid == 0 && (status.st_mode & S_ISUID) != 0 &&
         (status.st_mode & (S_IXGRP | S_IXOTH)) != 0;
}

void check_original(const std::string& path, Report& report) {
  const auto status = look_at(path);
  if (!status && !is_missing(status.error())) report.could_not_look(path, describe_error(status.error()));
  if (!status || !is_runnable_as_root(*status)) return;
  report.add(
      {"original.setuid", Severity::error, path,
       "The original helper can still be run as root by others: it keeps all of root and believes its callers.",
       fmt::format("chmod u-s {}", shell_word(path))});
}

void check_that_original_is_kept(const Installation& installation, Report& report) {
  const std::string path = wrapper_path(installation.directory);
  const std::string kept = path + ".secshr-original";
  const auto status = look_at(kept);
  if (status || !is_missing(status.error())) return;
  const std::string package = package_of(path).value_or("");
  report.add({"original.missing", Severity::warning, kept,
              "The installation's own helper is gone: restore has nothing to put back.",
              package.empty()
                  ? ""
                  : fmt::format("apt-get install --reinstall {} && {}", package, adopt_again(installation))});
}

constexpr std::array<const char*, 3> originals{"gtmsecshr.secshr-original", "gtmsecshrdir/gtmsecshr",
                                               "utf8/gtmsecshrdir/gtmsecshr"};

}  // namespace

void check_adopted_wrappers(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) check_adopted_wrapper(adopted.installation, report);
}

void check_utf8_helpers(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    const std::string path = wrapper_path(adopted.installation.directory + "/utf8");
    const auto status = look_at_target(path);
    const auto wrapper = look_at(wrapper_path(adopted.installation.directory));
    if (!status && !is_missing(status.error())) report.could_not_look(path, describe_error(status.error()));
    if (!status || !wrapper) continue;
    if (status->st_dev == wrapper->st_dev && status->st_ino == wrapper->st_ino) continue;
    report.add({"wrapper.utf8", Severity::error, path,
                "It is another file than the wrapper: in UTF-8 mode clients have another helper.",
                adopt_again(adopted.installation)});
  }
}

void check_wrapper_mounts(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    const std::string path = wrapper_path(adopted.installation.directory);
    check_not_mounted(path, ST_NOSUID, "wrapper.nosuid", "the wrapper cannot become root", report);
    check_not_mounted(path, ST_NOEXEC, "wrapper.noexec", "no client can execute the wrapper", report);
  }
}

void check_originals(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    const Installation& installation = adopted.installation;
    for (const char* const name : originals) check_original(installation.directory + "/" + name, report);
    // Where an upgrade of the package puts the new one.
    for (const char* const name : {"/gtmsecshr", "/utf8/gtmsecshr"}) {
      const std::string diverted = diverted_to(installation.directory + name);
      if (!diverted.empty()) check_original(diverted, report);
    }
    if (has_original(*installation.profile)) check_that_original_is_kept(installation, report);
  }
}

void check_diversions(const Machine& machine, Report& report) {
  for (const Adopted& adopted : machine.adopted) {
    const std::string path = wrapper_path(adopted.installation.directory);
    const auto package = package_of(path);
    if (!package) {
      report.could_not_look(package.error(), "the packages' lists cannot be read");
      return;
    }
    if (package->empty() || !diverted_to(path).empty()) continue;
    report.add({"wrapper.diversion", Severity::warning, path,
                fmt::format("The file in its place belongs to the package {}, whose next upgrade puts it back: it is "
                            "not diverted.",
                            *package),
                adopt_again(adopted.installation)});
  }
}

}  // namespace secshr::admin
