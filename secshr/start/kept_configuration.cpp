#include "secshr/start/kept_configuration.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "secshr_paths.h"

namespace secshr {
namespace {

constexpr char kept_name[] = "configuration";
constexpr char unfinished_name[] = ".configuration";

// 0, or an errno.
int write_whole(int file, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_new_file(int directory, const char* name, std::string_view text) noexcept {
  // What a start that was killed has left; nobody but root can have put anything else there.
  (void)::unlinkat(directory, name, 0);
  const Descriptor file(::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  return file ? write_whole(file.get(), text) : errno;
}

}  // namespace

std::expected<Configuration, ConfigurationError> load_kept_configuration(const std::string& installation) {
  return load_configuration(fmt::format("{}/{}/{}", paths::run, installation, kept_name).c_str());
}

std::expected<void, PlaceFault> keep_configuration(const std::string& installation, std::string_view text) {
  const auto directory = open_place(paths::run, installation);
  if (!directory) return std::unexpected(directory.error());
  int error = write_new_file(directory->get(), unfinished_name, text);
  if (error == 0 && ::renameat(directory->get(), unfinished_name, directory->get(), kept_name) != 0) error = errno;
  if (error == 0) return {};
  (void)::unlinkat(directory->get(), unfinished_name, 0);
  return std::unexpected(PlaceFault{kept_name, std::strerror(error)});
}

}  // namespace secshr
