// Files put in place whole: a name always means the complete old file or the complete new one, even after a crash.
//
// Every directory here is root's alone (the callers have checked), so that a path means the same from one call to the
// next, and the temporary names are fixed: what a killed run left is found and removed by the next one.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "admin/adoption/undo.h"
#include "admin/failure.h"

namespace secshr::admin {

struct Access {
  mode_t mode = 0;
  gid_t group = 0;
  bool operator==(const Access&) const = default;
};

// Makes `path` a new inode owned by root. The mode is set last: a setuid bit never stands on a file half written.
Result<void> replace_with_contents(const std::string& path, std::string_view contents, Access access, Undo& undo);
// Makes `path` another name of the file `existing`.
Result<void> replace_with_link(const std::string& path, const std::string& existing, Undo& undo);

// The names beside `path` that the two functions use; removed where they are left over. Both exist only during a
// change, the second until remove_temporaries, so that the change can be undone.
Result<void> remove_temporaries(const std::string& path);

Result<void> remove_if_there(const std::string& path);
Result<void> sync_directory_of(const std::string& path);

}  // namespace secshr::admin
