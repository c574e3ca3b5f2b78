#include "admin/leftovers/socket_directories.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "admin/brokers/broker_process.h"
#include "installation/configuration.h"
#include "secshr/start/recall_directories.h"
#include "secshr_paths.h"
#include "system/local_file_system.h"
#include "system/open_resolved.h"
#include "system/root_controlled.h"
#include "system/same_file.h"

namespace secshr::admin {
namespace {

std::string explain_open(int error) {
  if (error == ELOOP) return "a symbolic link is on its way; name the directory without links";
  return std::strerror(error);
}

void add(std::vector<SocketDirectory>& directories, SocketDirectory found) {
  const bool known = std::ranges::any_of(directories, [&](const SocketDirectory& each) {
    if (each.directory && found.directory) return same_file(each.directory.get(), found.directory.get());
    return each.path == found.path;
  });
  if (!known) directories.push_back(std::move(found));
}

void add_remembered(std::vector<SocketDirectory>& directories, const std::string& place) {
  const RootControlled opened = open_root_controlled(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened.fault != PathFault::none) return;
  const Descriptor descriptor(opened.descriptor);
  for (RememberedDirectory& each : recall_directories(descriptor.get())) {
    add(directories, open_socket_directory(std::move(each.name), "remembered"));
  }
}

}  // namespace

SocketDirectory open_socket_directory(std::string path, std::string origin) {
  SocketDirectory found{std::move(path), std::move(origin), {}, {}, false};
  Descriptor directory = open_resolved(AT_FDCWD, found.path.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (!directory) {
    found.is_missing = errno == ENOENT;
    found.fault = explain_open(errno);
  } else if (!is_on_local_file_system(directory.get())) {
    found.fault = "is on no local file system: other machines may have its sockets bound";
  } else {
    found.directory = std::move(directory);
  }
  return found;
}

Result<std::vector<SocketDirectory>> served_socket_directories(const std::vector<Installation>& installations) {
  const auto configuration = load_configuration(paths::configuration);
  if (!configuration) {
    return error(fmt::format("{}; without it, name the directories to look into", to_string(configuration.error())));
  }
  std::vector<SocketDirectory> directories;
  for (const std::string& pinned : configuration->pinned_directories) {
    add(directories, open_socket_directory(pinned, "pinned"));
  }
  for (const Installation& installation : installations) {
    for (const std::string& place : places_of(installation.name)) add_remembered(directories, place);
  }
  add(directories, open_socket_directory("/tmp", "default"));
  return directories;
}

std::vector<SocketDirectory> given_socket_directories(const std::vector<std::string>& paths) {
  std::vector<SocketDirectory> directories;
  for (const std::string& path : paths) add(directories, open_socket_directory(path, "given"));
  return directories;
}

}  // namespace secshr::admin
