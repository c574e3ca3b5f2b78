// Whether two descriptors stand for one file, whatever it was opened as.
#pragma once

#include <sys/stat.h>

namespace secshr {

[[nodiscard]] inline bool same_file(int one, int other) noexcept {
  struct stat a{};
  struct stat b{};
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace secshr
