// What a file in the place of gtmsecshr is: not there, a copy of our wrapper, or the installation's own.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "admin/failure.h"

namespace secshr::admin {

// A copy of our wrapper, of this version or another, is told by the path of the broker in it: nothing else executes
// that. (The files are root's alone, so that nobody else can forge either kind.)
bool is_our_wrapper(std::string_view contents) noexcept;

struct HelperFile {
  enum class Kind { absent, ours, foreign };
  Kind kind = Kind::absent;
  std::string contents;
  struct stat status{};

  [[nodiscard]] bool exists() const noexcept { return kind != Kind::absent; }
  [[nodiscard]] bool same_inode(const HelperFile& other) const noexcept;
  [[nodiscard]] bool is_setuid_root() const noexcept;
};

// Anything but a regular file that only root can have written, or nothing at all, is refused.
Result<HelperFile> read_helper(const std::string& path);

// The installed wrapper, which adopt copies. Refused where it could not be recognised again.
Result<std::string> read_installed_wrapper();

}  // namespace secshr::admin
