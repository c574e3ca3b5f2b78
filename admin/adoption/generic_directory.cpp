#include "admin/adoption/generic_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>

#include "installation/limits.h"
#include "installation/programs.h"

namespace secshr::admin {
namespace {

// But for the wrapper, which marks nobody but itself.
std::ptrdiff_t count_programs(const Distribution& distribution) {
  const struct stat& wrapper = distribution.helper.status;
  return std::ranges::count_if(open_programs(distribution.directory), [&](const Descriptor& program) {
    struct stat status{};
    const bool known = fstat(program.get(), &status) == 0;
    return known && (status.st_dev != wrapper.st_dev || status.st_ino != wrapper.st_ino);
  });
}

}  // namespace

Result<void> check_generic_directory(const Distribution& distribution) {
  using Kind = HelperFile::Kind;
  if (distribution.helper.kind == Kind::foreign) {
    return refused(fmt::format("{}: is there, and not secshr's: a generic directory has no helper of its own",
                               distribution.helper_path()));
  }
  if (distribution.original.exists() || distribution.utf8_link != Utf8Link::absent) {
    return refused(
        fmt::format("{0}: is an installation with a helper of its own; secshrctl restore {0} puts that back",
                    distribution.directory));
  }
  const auto programs = count_programs(distribution);
  if (programs == 0) {
    return refused(
        fmt::format("{}: has no program or library in it, by which its processes could be told; name the "
                    "directory where they are",
                    distribution.directory));
  }
  if (programs > static_cast<std::ptrdiff_t>(limits::most_programs)) {
    return refused(
        fmt::format("{}: has {} programs and libraries in it, and the most is {}; name the directory of one "
                    "application's own",
                    distribution.directory, programs, limits::most_programs));
  }
  return {};
}

}  // namespace secshr::admin
