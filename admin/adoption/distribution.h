// An installation's directory, DIST, as adopt and restore find it: the files that the change is about.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "admin/adoption/helper_file.h"
#include "admin/failure.h"

namespace secshr::admin {

// How utf8/gtmsecshr, the same program for the other character set, is there.
enum class Utf8Link {
  absent,
  same,   // is the same file as DIST/gtmsecshr, or a symbolic link to it: follows by itself
  other,  // a file of its own
};

struct Distribution {
  std::string directory;
  struct stat status{};  // of the directory
  HelperFile helper;     // DIST/gtmsecshr
  HelperFile original;   // DIST/gtmsecshr.secshr-original
  Utf8Link utf8_link = Utf8Link::absent;
  HelperFile utf8_helper;  // read where utf8_link is `other`

  [[nodiscard]] std::string helper_path() const;
  [[nodiscard]] std::string original_path() const;
  [[nodiscard]] std::string utf8_helper_path() const;
  // Where a package's own file goes while that one is ours.
  [[nodiscard]] std::string utf8_original_path() const;
};

// `directory` as the user gave it, as an absolute path without symbolic links.
Result<std::string> resolve_directory(const std::string& directory);
// Refuses a directory that anyone but root could have laid or written.
Result<Distribution> read_distribution(const std::string& directory);

}  // namespace secshr::admin
