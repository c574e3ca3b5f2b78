// The release string of an installation, read from its shared library.
//
// Read, not asked: nothing of the installation is executed. The string stands in the library's data exactly as
// $ZVERSION (GT.M) or $ZYRELEASE (YottaDB) shows it; where that is not certain, the administrator must say it.
#pragma once

#include <string>
#include <string_view>

#include "admin/failure.h"
#include "protocol/profile.h"

namespace secshr::admin {

// The one NUL-terminated release string of this profile in `library`, which may hold it many times. None, or two that
// differ, is a refusal.
Result<std::string> find_release(std::string_view library, const protocol::Profile& profile);

}  // namespace secshr::admin
