#include "admin/adoption/adoption.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <optional>
#include <utility>

#include "secshr_paths.h"

namespace secshr::admin {
namespace {

using Kind = HelperFile::Kind;
using Fault = std::optional<std::string>;

constexpr mode_t permission_bits = 07777;

Fault helper_fault(const protocol::Profile& profile, const Distribution& distribution,
                   std::string_view installed_wrapper) {
  const HelperFile& helper = distribution.helper;
  if (helper.kind == Kind::absent) {
    return has_original(profile) ? "gtmsecshr is missing; reinstall the database's package, then adopt again"
                                 : "gtmsecshr is missing; adopt again";
  }
  if (helper.kind == Kind::foreign) return "gtmsecshr is not secshr's (was the installation upgraded?); adopt again";
  if (helper.contents != installed_wrapper) return "gtmsecshr is a copy of another version of secshr; adopt again";
  return std::nullopt;
}

Fault access_fault(const protocol::Profile& profile, const Distribution& distribution) {
  const HelperFile& helper = distribution.helper;
  if (helper.kind != Kind::ours) return std::nullopt;
  const Access expected = wrapper_access(profile, distribution);
  const Access found{helper.status.st_mode & permission_bits, helper.status.st_gid};
  if (helper.status.st_uid == 0 && found == expected) return std::nullopt;
  return fmt::format("gtmsecshr has owner {}, group {}, mode {:04o}, not 0, {}, {:04o}; adopt again",
                     helper.status.st_uid, found.group, found.mode, expected.group, expected.mode);
}

Fault file_system_fault(const Distribution& distribution) {
  struct statvfs file_system{};
  if (statvfs(distribution.directory.c_str(), &file_system) != 0) return "the file system cannot be inspected";
  if ((file_system.f_flag & ST_NOSUID) == 0) return std::nullopt;
  return "the file system is mounted nosuid: the wrapper cannot become root";
}

Fault original_fault(const protocol::Profile& profile, const Distribution& distribution) {
  if (!has_original(profile)) return std::nullopt;
  const HelperFile& original = distribution.original;
  if (original.kind == Kind::absent) return "gtmsecshr.secshr-original is missing: restore has nothing to put back";
  if (original.kind == Kind::ours) return "gtmsecshr.secshr-original is not the installation's own";
  if (original.is_setuid_root()) return "gtmsecshr.secshr-original can still become root; adopt again";
  return std::nullopt;
}

Fault utf8_fault(const Distribution& distribution) {
  if (distribution.utf8_link != Utf8Link::other) return std::nullopt;
  return "utf8/gtmsecshr is another file than gtmsecshr; adopt again";
}

// That a broker started by this very wrapper finds this very record.
Fault record_fault(const Installation& installation, const Distribution& distribution) {
  if (!distribution.helper.exists()) return std::nullopt;
  const auto found =
      find_installation(paths::installations, distribution.helper.status.st_dev, distribution.helper.status.st_ino);
  if (!found) return to_string(found.error());
  const std::optional<Installation>& match = *found;
  if (!match || match->name != installation.name || match->directory != installation.directory) {
    return "its record does not lead to its wrapper";
  }
  if (match->communication_key != installation.communication_key) return "its record holds another release";
  return std::nullopt;
}

}  // namespace

bool has_original(const protocol::Profile& profile) {
  return profile.id != protocol::ProfileId::generic;
}

Access wrapper_access(const protocol::Profile& profile, const Distribution& distribution) {
  constexpr mode_t executable_by_all = 04755;
  constexpr mode_t executable_by_group = 04750;
  const HelperFile& original = distribution.original.exists() ? distribution.original : distribution.helper;
  // To execute a file and to search a directory are the same bit.
  const struct stat& model = has_original(profile) ? original.status : distribution.status;
  if ((model.st_mode & S_IXOTH) != 0) return {executable_by_all, 0};
  return {executable_by_group, model.st_gid};
}

std::vector<std::string> adoption_faults(const Installation& installation, const Distribution& distribution,
                                         std::string_view installed_wrapper) {
  const protocol::Profile& profile = *installation.profile;
  std::vector<std::string> faults;
  for (Fault fault : {helper_fault(profile, distribution, installed_wrapper), access_fault(profile, distribution),
                      file_system_fault(distribution), original_fault(profile, distribution),
                      utf8_fault(distribution), record_fault(installation, distribution)}) {
    if (fault) faults.push_back(*std::move(fault));
  }
  return faults;
}

}  // namespace secshr::admin
