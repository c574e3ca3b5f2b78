// How the file system is mounted that something lies on.
#pragma once

#include <string>
#include <string_view>

#include "admin/doctor/report.h"

namespace secshr::admin {

// `flag`: ST_NOSUID or ST_NOEXEC; where it is set, that is found, with what comes of it.
void check_not_mounted(const std::string& path, unsigned long flag, std::string_view id, std::string_view consequence,
                       Report& report);

}  // namespace secshr::admin
