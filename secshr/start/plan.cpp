#include "secshr/start/plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include "protocol/server_key.h"
#include "secshr/start/environment.h"
#include "secshr/start/kept_configuration.h"
#include "secshr/start/root_directories.h"
#include "secshr/start/served_directories.h"
#include "secshr_paths.h"
#include "system/root_controlled.h"
#include "system/same_file.h"

namespace secshr {
namespace {

// The overflow id, unless our user namespace maps every id to itself.
std::optional<std::uint32_t> overflow_id(const char* map, const char* path) {
  std::uint32_t inside = 1;
  std::uint32_t outside = 1;
  std::uint32_t count = 0;
  std::ifstream(map) >> inside >> outside >> count;
  if (inside == 0 && outside == 0 && count == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  std::uint32_t id = 65534;  // the kernel's default
  std::ifstream(path) >> id;
  return id;
}

Started<Installation> find_adopted(const struct stat& wrapper) {
  auto found = find_installation(paths::installations, wrapper.st_dev, wrapper.st_ino);
  if (!found) return start_fault(StartStatus::not_adopted, "installation-record", to_string(found.error()));
  if (!*found) return start_fault(StartStatus::not_adopted, "not-adopted");
  return **std::move(found);
}

void use_kept(Plan& plan, Configuration kept, ConfigurationError refused) {
  plan.configuration = std::move(kept);
  plan.refused_configuration = std::move(refused);
}

// The administrator's, or the one that was kept where that one is there and of no use. A missing one is refused: who
// has removed it does not want a broker.
Started<void> choose_configuration(Plan& plan, std::expected<Configuration, ConfigurationError> own,
                                   const std::string& installation) {
  if (own) {
    plan.configuration = *std::move(own);
    return {};
  }
  auto kept = load_kept_configuration(installation);
  if (own.error().is_missing || !kept) {
    return start_fault(StartStatus::other, "configuration", to_string(own.error()));
  }
  use_kept(plan, *std::move(kept), std::move(own).error());
  return {};
}

// An installation whose library others may not read is its group's alone: nobody else can be a client of it.
Started<SocketAccess> access_of(const Installation& installation) {
  const std::string library(installation.profile->access_file);
  const auto fault = [&](const char* what) {
    return start_fault(StartStatus::bad_installation_path, "library",
                       fmt::format("{}/{}: {}", installation.directory, library, what));
  };
  const RootControlled opened = open_root_controlled(installation.directory.c_str(), O_PATH | O_DIRECTORY);
  if (opened.fault != PathFault::none) return fault(describe(opened.fault));
  const Descriptor directory(opened.descriptor);
  struct stat facts{};
  if (::fstatat(directory.get(), library.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return fault(std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return fault("is not a regular file");
  if ((facts.st_mode & S_IROTH) != 0) return SocketAccess{};
  return SocketAccess{0660, facts.st_gid};
}

}  // namespace

std::unexpected<StartFault> start_fault(StartStatus status, const char* reason, std::string detail) {
  return std::unexpected(StartFault{status, reason, std::move(detail)});
}

Started<Plan> read_configuration() {
  struct stat wrapper{};
  if (::fstat(executable_descriptor, &wrapper) != 0) return start_fault(StartStatus::own_path, "own-path");
  Plan plan;
  auto own = load_configuration(paths::configuration);
  auto installation = find_adopted(wrapper);
  // Which one is kept is known only with the installation; without it, the first thing that is wrong is what counts.
  if (!installation && !own) return start_fault(StartStatus::other, "configuration", to_string(own.error()));
  if (!installation) return std::unexpected(installation.error());
  if (auto chosen = choose_configuration(plan, std::move(own), installation->name); !chosen) {
    return std::unexpected(chosen.error());
  }
  plan.installation = *std::move(installation);
  const auto access = access_of(plan.installation);
  if (!access) return std::unexpected(access.error());
  plan.access = *access;
  plan.server_name =
      protocol::server_socket_name(*plan.installation.profile, protocol::server_key(wrapper.st_dev, wrapper.st_ino));
  plan.overflow = {overflow_id("/proc/self/uid_map", "/proc/sys/kernel/overflowuid"),
                   overflow_id("/proc/self/gid_map", "/proc/sys/kernel/overflowgid")};
  return plan;
}

namespace {

Started<Descriptor> open_log_in(Plan& plan) {
  const auto directory = open_place(plan.configuration.log_directory, plan.installation.name);
  if (!directory) {
    return start_fault(StartStatus::other, "log-directory", directory.error().path + ": " + directory.error().what);
  }
  auto log = open_log(directory->get(), log_name, 0640);
  if (log) return *std::move(log);
  std::string what = log.error().path + ": " + log.error().what;
  Descriptor full = log.error().is_the_disks ? open_full_device() : Descriptor();
  if (!full) return start_fault(StartStatus::other, "log", std::move(what));
  plan.log_unavailable = std::move(what);
  return full;
}

}  // namespace

Started<Descriptor> open_audit_log(Plan& plan) {
  auto log = open_log_in(plan);
  if (log || plan.refused_configuration) return log;
  // What the configuration asks for cannot be had: it has failed like one that cannot be read. But one that asks for
  // the same is no help, and not in force.
  auto kept = load_kept_configuration(plan.installation.name);
  if (!kept || kept->log_directory == plan.configuration.log_directory) return log;
  use_kept(plan, *std::move(kept), {paths::configuration, 0, 0, "log_directory: " + log.error().detail});
  return open_log_in(plan);
}

Started<void> choose_directories(Plan& plan, const Invoker& invoker) {
  const char* const from_environment = first_set(plan.installation.profile->tmp_variables);
  const std::string named = from_environment != nullptr ? from_environment : "/tmp";
  const auto& pinned = plan.configuration.pinned_directories;
  auto directory = open_served_directory(named, invoker, std::ranges::find(pinned, named) != pinned.end());
  if (!directory) {
    return start_fault(
        StartStatus::directory, directory.error().reason,
        fmt::format("{}: {} (for uid {})", named, std::strerror(directory.error().error), invoker.uid));
  }
  const bool is_reserved = is_tmp(directory->get());
  plan.directories.push_back({named, *std::move(directory), 0, is_reserved});

  for (const std::string& name : pinned) {
    auto opened = open_served_directory(name, Invoker{}, true);
    // One that is not there now is served by the next start that finds it.
    if (!opened) {
      plan.left_out.push_back(fmt::format("{}: {}", name, std::strerror(opened.error().error)));
      continue;
    }
    if (PlannedDirectory* const planned = find_planned(plan, opened->get())) {
      planned->is_reserved = true;
    } else {
      plan.directories.push_back({name, *std::move(opened), 0, true});
    }
  }
  return {};
}

}  // namespace secshr
