// Keeping Debian's package manager from putting its own file in the place of one of ours: whatever it has for that
// path goes to where the original is kept (dpkg-divert), and not set-user-ID (dpkg-statoverride).
#pragma once

#include <string>

#include "admin/adoption/undo.h"
#include "admin/failure.h"

namespace secshr::admin {

// Where there is no dpkg nothing is a package's.
Result<bool> is_package_file(const std::string& path);
// A mode that the administrator has overridden stays. Again and again is once.
Result<void> divert_package_file(const std::string& path, const std::string& kept, Undo& undo);
// As before. What is at either path is left alone.
Result<void> undivert_package_file(const std::string& path);

}  // namespace secshr::admin
