// A path that must be root's alone, looked at part by part: which of its parts is not, and how that is mended. What
// secshr itself refuses (system/root_controlled.h) is found here in all of its places at once.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "admin/doctor/report.h"

namespace secshr::admin {

// What is found of the path's last part goes by these; what lies above it goes by path.owner, path.mode, path.link.
struct RootPathFindings {
  std::string_view owner;
  std::string_view mode;
};

// What the path leads to; nullopt where nothing is there, or it could not be looked at. Not being there is no finding
// of this function's.
std::optional<struct stat> look_at_root_path(const std::string& path, const RootPathFindings& findings,
                                             Report& report);

}  // namespace secshr::admin
