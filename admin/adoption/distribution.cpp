#include "admin/adoption/distribution.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "installation/installation.h"
#include "installation/root_file.h"
#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

Result<struct stat> inspect_root_directory(const std::string& path) {
  const RootControlled opened = open_root_controlled(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const Descriptor close_it(opened.descriptor);
  if (opened.fault != PathFault::none) {
    return refused(fmt::format("{}: {}", path, explain(opened.fault)));
  }
  struct stat status{};
  if (fstat(opened.descriptor, &status) != 0) return system_error(path, "inspect");
  return status;
}

Result<void> read_utf8_link(Distribution& distribution) {
  const std::string path = distribution.utf8_helper_path();
  struct stat link{};
  if (lstat(path.c_str(), &link) != 0) {
    if (errno == ENOENT) return {};
    return system_error(path, "inspect");
  }
  if (auto safe = inspect_root_directory(path.substr(0, path.rfind('/'))); !safe)
    return std::unexpected(safe.error());
  const struct stat& helper = distribution.helper.status;
  struct stat target{};
  if (stat(path.c_str(), &target) == 0 && distribution.helper.exists() && target.st_dev == helper.st_dev &&
      target.st_ino == helper.st_ino) {
    distribution.utf8_link = Utf8Link::same;
    return {};
  }
  auto file = read_helper(path);
  if (!file) return std::unexpected(file.error());
  distribution.utf8_helper = *std::move(file);
  distribution.utf8_link = Utf8Link::other;
  return {};
}

}  // namespace

std::string Distribution::helper_path() const {
  return wrapper_path(directory);
}
std::string Distribution::original_path() const {
  return helper_path() + ".secshr-original";
}
std::string Distribution::utf8_helper_path() const {
  return wrapper_path(directory + "/utf8");
}
std::string Distribution::utf8_original_path() const {
  return utf8_helper_path() + ".secshr-original";
}

Result<std::string> resolve_directory(const std::string& directory) {
  const std::unique_ptr<char, void (*)(void*)> resolved(realpath(directory.c_str(), nullptr), &std::free);
  if (!resolved) return system_error(directory, "resolve");
  return std::string(resolved.get());
}

Result<Distribution> read_distribution(const std::string& directory) {
  const auto status = inspect_root_directory(directory);
  if (!status) return std::unexpected(status.error());
  Distribution distribution;
  distribution.directory = directory;
  distribution.status = *status;
  auto helper = read_helper(distribution.helper_path());
  if (!helper) return std::unexpected(helper.error());
  auto original = read_helper(distribution.original_path());
  if (!original) return std::unexpected(original.error());
  distribution.helper = *std::move(helper);
  distribution.original = *std::move(original);
  if (auto read = read_utf8_link(distribution); !read) return std::unexpected(read.error());
  return distribution;
}

}  // namespace secshr::admin
