#include "admin/leftovers/directory_names.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "system/descriptor.h"

namespace secshr::admin {

Result<std::vector<std::string>> names_in_directory(int directory) {
  Descriptor readable(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return error(std::strerror(errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(readable.get()), &::closedir);
  if (!stream) return error(std::strerror(errno));
  (void)readable.release();  // the stream's now
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return error(std::strerror(errno));
  return names;
}

}  // namespace secshr::admin
