#include "admin/look.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "system/descriptor.h"
#include "system/reopen.h"

namespace secshr::admin {
namespace {

// More than any configuration of a machine has; the longest of these are the lists of what packages hold.
constexpr std::size_t most_bytes = std::size_t{32} * 1024 * 1024;

std::expected<struct stat, int> facts_of(const Descriptor& pin) {
  struct stat facts{};
  if (!pin || ::fstat(pin.get(), &facts) != 0) return std::unexpected(errno);
  return facts;
}

std::expected<std::string, int> read_all(int file) {
  std::string text;
  std::array<char, 16384> part{};
  while (text.size() < most_bytes) {
    const ssize_t got = ::read(file, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return std::unexpected(EFBIG);
}

}  // namespace

std::expected<struct stat, int> look_at(const std::string& path) {
  return facts_of(Descriptor(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
}

std::expected<struct stat, int> look_at_target(const std::string& path) {
  return facts_of(Descriptor(::open(path.c_str(), O_PATH | O_CLOEXEC)));
}

std::expected<std::string, int> read_text(const std::string& path) {
  const Descriptor pin(::open(path.c_str(), O_PATH | O_CLOEXEC));
  const auto facts = facts_of(pin);
  if (!facts) return std::unexpected(facts.error());
  if (!S_ISREG(facts->st_mode)) return std::string();
  const Descriptor file = reopen(pin.get(), O_RDONLY | O_NONBLOCK);
  if (!file) return std::unexpected(errno);
  return read_all(file.get());
}

std::expected<std::string, int> read_kernel_text(const std::string& path) {
  auto text = read_text(path);
  if (text && text->ends_with('\n')) text->pop_back();
  return text;
}

std::expected<std::vector<std::string>, int> names_in(int directory) {
  Descriptor descriptor = reopen(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (!descriptor) return std::unexpected(errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(descriptor.get()), &::closedir);
  if (!listing) return std::unexpected(errno);
  (void)descriptor.release();  // the listing closes it
  std::vector<std::string> names;
  errno = 0;  // readdir(3) tells an error from the end only by it
  while (const dirent* const entry = ::readdir(listing.get())) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return std::unexpected(errno);
  std::ranges::sort(names);
  return names;
}

std::expected<std::vector<std::string>, int> names_in(const std::string& directory) {
  const Descriptor pin(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!pin) return std::unexpected(errno);
  return names_in(pin.get());
}

bool is_missing(int error) noexcept {
  return error == ENOENT || error == ENOTDIR;
}

std::string describe_error(int error) {
  return std::strerror(error);
}

}  // namespace secshr::admin
