#include "secshr/start/recall_directories.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <utility>

#include "secshr/limits.h"
#include "system/open_resolved.h"

namespace secshr {

std::vector<RememberedDirectory> recall_directories(int place) {
  std::ifstream file(fmt::format("/proc/self/fd/{}/{}", place, remembered_directories_name));
  std::vector<RememberedDirectory> recalled;
  std::string line;
  while (recalled.size() < limits::most_directories && std::getline(file, line)) {
    std::istringstream fields(line);
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::string path;
    if (!(fields >> device >> inode) || fields.get() != ' ' || !std::getline(fields, path)) continue;
    // What is a link by now is another directory. To follow it would take root wherever a user leads it, and keep
    // everybody waiting where nothing answers.
    Descriptor directory = open_resolved(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    struct stat facts{};
    if (!directory || ::fstat(directory.get(), &facts) != 0) continue;
    if (facts.st_dev == device && facts.st_ino == inode) recalled.push_back({std::move(path), std::move(directory)});
  }
  return recalled;
}

}  // namespace secshr
