#include "admin/adoption/installed_profile.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "admin/adoption/adoption.h"

namespace secshr::admin {
namespace {

using protocol::Profile;
using protocol::ProfileId;

bool has_library_of(const Profile& profile, const std::string& directory) {
  struct stat library{};
  const std::string path = fmt::format("{}/{}", directory, profile.access_file);
  return lstat(path.c_str(), &library) == 0 && S_ISREG(library.st_mode);
}

// YottaDB first: its installations have a link named as GT.M's library, too.
Result<const Profile*> tell_by_library(const std::string& directory) {
  for (const ProfileId id : {ProfileId::ydb, ProfileId::gtm}) {
    if (has_library_of(protocol::profile(id), directory)) return &protocol::profile(id);
  }
  return refused(
      fmt::format("{}: is no installation of GT.M or YottaDB: it has neither libgtmshr.so nor "
                  "libyottadb.so; a directory of other programs is adopted with --profile generic",
                  directory));
}

Result<const Profile*> look_up(const std::string& name, const std::string& directory) {
  const Profile* const profile = protocol::find_profile(name);
  if (profile == nullptr)
    return std::unexpected(Failure{ExitStatus::usage, "--profile: must be gtm, ydb or generic"});
  if (has_original(*profile) && !has_library_of(*profile, directory)) {
    return refused(fmt::format("{}: is no installation of profile {}: it has no {}", directory, profile->name,
                               profile->access_file));
  }
  return profile;
}

}  // namespace

Result<const Profile*> decide_profile(const AdoptRequest& request, const Installation* recorded,
                                      const std::string& directory) {
  if (!request.profile) {
    if (recorded != nullptr && !has_original(*recorded->profile)) return recorded->profile;
    return tell_by_library(directory);
  }
  const auto profile = look_up(*request.profile, directory);
  // Where one has an original to be put back and the other has none, neither can become the other.
  if (profile && recorded != nullptr && has_original(**profile) != has_original(*recorded->profile)) {
    return refused(
        fmt::format("{0}: is adopted with profile {1} already; to change it: secshrctl restore {0}, then "
                    "adopt again",
                    directory, recorded->profile->name));
  }
  return profile;
}

}  // namespace secshr::admin
