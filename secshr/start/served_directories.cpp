#include "secshr/start/served_directories.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "secshr/datagram_socket.h"
#include "secshr/limits.h"
#include "secshr/start/directory_places.h"
#include "secshr/start/recall_directories.h"
#include "system/same_file.h"

namespace secshr {
namespace {

bool has_roots_socket(int directory, const protocol::SocketName& name) noexcept {
  struct stat facts{};
  return ::fstatat(directory, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(facts.st_mode) &&
         facts.st_uid == 0;
}

uid_t owner_of(int directory) noexcept {
  struct stat facts{};
  return ::fstat(directory, &facts) == 0 ? facts.st_uid : static_cast<uid_t>(-1);
}

// nullptr where it is not to be served.
PlannedDirectory* add(std::string name, Descriptor directory, Plan& plan) {
  struct stat facts{};
  if (::fstat(directory.get(), &facts) != 0 || !S_ISDIR(facts.st_mode) ||
      !has_roots_socket(directory.get(), plan.server_name)) {
    return nullptr;
  }
  const bool is_reserved = is_tmp(directory.get());
  return &plan.directories.emplace_back(std::move(name), std::move(directory), 0, is_reserved);
}

// Those that are nobody's fault and pass. But who owns the directory may have the file system to itself, and can have
// filled it: that is in nobody else's way.
bool is_shortage(int error, int directory) noexcept {
  if (error == ENOSPC || error == EDQUOT) return !is_a_users(directory);
  return error == ENOMEM || error == ENFILE || error == EMFILE;
}

std::size_t places(const Plan& plan) noexcept {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 1;
  const std::size_t fit =
      (descriptors.rlim_cur - std::min<rlim_t>(descriptors.rlim_cur, limits::descriptors_of_its_own)) /
      limits::descriptors_per_directory;
  return std::min<std::size_t>(plan.configuration.max_directories, fit);
}

struct Bound {
  const PlannedDirectory* directory;
  BoundSocket socket;
};

std::string describe(const PlannedDirectory& directory, const Plan& plan, const SocketFault& fault) {
  return fmt::format("{}/{}: {}: {}", directory.name, plan.server_name.view(), fault.step,
                     std::strerror(fault.error));
}

}  // namespace

PlannedDirectory* find_planned(Plan& plan, int directory) {
  const auto found = std::ranges::find_if(plan.directories, [&](const PlannedDirectory& planned) {
    return same_file(planned.descriptor.get(), directory);
  });
  return found == plan.directories.end() ? nullptr : &*found;
}

bool is_tmp(int directory) noexcept {
  const Descriptor tmp(::open("/tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return tmp && same_file(tmp.get(), directory);
}

bool is_served(const BrokerReport& report, int directory) {
  return std::ranges::any_of(report.directories, [&](const ReportedDirectory& served) {
    return same_file(served.descriptor.get(), directory);
  });
}

bool is_live(int directory, const protocol::SocketName& name) noexcept {
  const Descriptor file(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISSOCK(facts.st_mode) || facts.st_uid != 0) return false;
  const Descriptor probe = make_datagram_socket();
  return probe && connect_to_file(probe.get(), file.get()) == 0;
}

bool is_a_users(int directory) noexcept {
  struct stat facts{};
  if (::fstat(directory, &facts) != 0 || facts.st_uid != 0) return true;
  return (facts.st_mode & 022U) != 0 && (facts.st_mode & S_ISVTX) == 0;
}

void plan_those_of(BrokerReport report, Plan& plan) {
  for (ReportedDirectory& reported : report.directories) {
    PlannedDirectory* planned = find_planned(plan, reported.descriptor.get());
    if (planned == nullptr) {
      planned = add(std::move(reported.state.name), std::move(reported.descriptor), plan);
    }
    if (planned == nullptr) continue;
    planned->is_formers = true;
    planned->idle_ms = reported.state.idle_ms;
  }
}

void plan_remembered(int place, Plan& plan) {
  for (auto& [name, directory] : recall_directories(place)) {
    if (find_planned(plan, directory.get()) == nullptr) (void)add(std::move(name), std::move(directory), plan);
  }
}

Started<void> limit_directories(Plan& plan) {
  bool tmp_is_there = false;
  std::vector<DirectoryUse> uses;
  for (const PlannedDirectory& directory : plan.directories) {
    tmp_is_there = tmp_is_there || is_tmp(directory.descriptor.get());
    uses.push_back({owner_of(directory.descriptor.get()), directory.idle_ms, directory.is_reserved});
  }
  const std::size_t all = places(plan);
  // With a single place it is whoever's comes.
  const auto served = allot_places(uses, all, tmp_is_there || all < 2 ? 0 : 1);
  if (!served.front()) {
    return start_fault(StartStatus::directory, "no-place",
                       fmt::format("{}: {} directories are all that are served", plan.directories[0].name, all));
  }
  std::vector<PlannedDirectory> kept;
  for (std::size_t index = 0; index < served.size(); ++index) {
    PlannedDirectory& directory = plan.directories[index];
    if (served[index]) {
      kept.push_back(std::move(directory));
    } else {
      plan.left_out.push_back(fmt::format("{}: no place among {}", directory.name, all));
    }
  }
  plan.directories = std::move(kept);
  return {};
}

Started<std::vector<ServicePoint>> open_service_points(Plan& plan) {
  const PlannedDirectory& first = plan.directories.front();
  const auto fail = [&](const PlannedDirectory& directory, const SocketFault& fault) -> Started<void> {
    const bool is_lost = directory.is_formers && is_shortage(fault.error, directory.descriptor.get());
    if (&directory != &first && !is_lost)
      return plan.left_out.push_back(describe(directory, plan, fault)), Started<void>();
    return start_fault(StartStatus::directory, fault.step, describe(directory, plan, fault));
  };
  // All that can fail for a reason comes before the first of them gets its name.
  std::vector<Bound> bound;
  for (const PlannedDirectory& directory : plan.directories) {
    if (&directory != &first && !directory.is_formers && is_live(directory.descriptor.get(), plan.server_name)) {
      plan.left_out.push_back(directory.name + ": another broker serves it");
      continue;
    }
    auto socket = BoundSocket::bind(directory.descriptor.get(), plan.access.mode, plan.access.group);
    if (socket) {
      bound.push_back({&directory, *std::move(socket)});
    } else if (const auto failed = fail(directory, socket.error()); !failed) {
      return std::unexpected(failed.error());
    }
  }
  std::vector<ServicePoint> points;
  const auto now = std::chrono::steady_clock::now();
  for (auto& [directory, socket] : bound) {
    auto named = std::move(socket).take_name(plan.server_name);
    if (named) {
      points.push_back({*std::move(named), directory->descriptor.get(), directory->name,
                        now - std::chrono::milliseconds(directory->idle_ms)});
    } else if (const auto failed = fail(*directory, named.error()); !failed) {
      return std::unexpected(failed.error());
    }
  }
  return points;
}

}  // namespace secshr
