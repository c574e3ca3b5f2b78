#include "admin/adoption/helper_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstddef>

#include "installation/root_file.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

// The wrapper is static and still below one MiB; stock helpers are smaller.
constexpr std::size_t most_helper_bytes = 16UL * 1024 * 1024;

// The end of paths::broker, whatever prefix that version was installed under. The slash in front matters: stock
// helpers hold "gtmsecshrdir".
constexpr std::string_view marker = "/secshr/secshrd";
static_assert(std::string_view(paths::broker).ends_with(marker));

}  // namespace

bool is_our_wrapper(std::string_view contents) noexcept {
  return contents.find(marker) != contents.npos;
}

bool HelperFile::same_inode(const HelperFile& other) const noexcept {
  return exists() && other.exists() && status.st_dev == other.status.st_dev && status.st_ino == other.status.st_ino;
}

bool HelperFile::is_setuid_root() const noexcept {
  return exists() && status.st_uid == 0 && (status.st_mode & S_ISUID) != 0 && (status.st_mode & S_IXUSR) != 0;
}

Result<HelperFile> read_helper(const std::string& path) {
  HelperFile file;
  if (lstat(path.c_str(), &file.status) != 0) {
    if (errno == ENOENT) return file;
    return system_error(path, "inspect");
  }
  auto contents = read_root_file(path.c_str(), most_helper_bytes);
  if (!contents) return refused(to_string(contents.error()));
  file.contents = *std::move(contents);
  file.kind = is_our_wrapper(file.contents) ? HelperFile::Kind::ours : HelperFile::Kind::foreign;
  return file;
}

Result<std::string> read_installed_wrapper() {
  auto contents = read_root_file(paths::wrapper, most_helper_bytes);
  if (!contents) return error(fmt::format("{} (is secshr installed completely?)", to_string(contents.error())));
  if (!is_our_wrapper(*contents)) return error(fmt::format("{}: is not secshr's wrapper", paths::wrapper));
  return *std::move(contents);
}

}  // namespace secshr::admin
