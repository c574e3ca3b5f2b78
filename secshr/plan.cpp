#include "secshr/plan.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "protocol/server_key.h"
#include "secshr/root_directories.h"
#include "secshr_paths.h"

namespace secshr {
namespace {

constexpr char log_name[] = "gtm_secshr_log";

std::uint32_t read_overflow_id(const char* path, std::uint32_t otherwise) {
  std::uint32_t id = otherwise;
  std::ifstream(path) >> id;
  return id;
}

// The first of the profile's variables that is set; the wrapper has cleaned them.
std::string directory_from_environment(const protocol::Profile& profile) {
  for (const std::string_view variable : profile.tmp_variables) {
    if (const char* value = std::getenv(std::string(variable).c_str())) return value;
  }
  return "/tmp";
}

}  // namespace

std::unexpected<StartFault> start_fault(StartStatus status, const char* reason, std::string detail) {
  return std::unexpected(StartFault{status, reason, std::move(detail)});
}

Started<Plan> read_configuration() {
  Plan plan;
  auto configuration = load_configuration(paths::configuration);
  if (!configuration) return start_fault(StartStatus::other, "configuration", to_string(configuration.error()));
  plan.configuration = *std::move(configuration);

  struct stat wrapper{};
  if (::fstat(executable_descriptor, &wrapper) != 0) return start_fault(StartStatus::own_path, "own-path");
  auto found = find_installation(paths::installations, wrapper.st_dev, wrapper.st_ino);
  if (!found) return start_fault(StartStatus::not_adopted, "installation-record", to_string(found.error()));
  if (!*found) return start_fault(StartStatus::not_adopted, "not-adopted");
  plan.installation = **std::move(found);
  plan.server_name =
      protocol::server_socket_name(*plan.installation.profile, protocol::server_key(wrapper.st_dev, wrapper.st_ino));
  plan.overflow = {read_overflow_id("/proc/sys/kernel/overflowuid", OverflowIds{}.uid),
                   read_overflow_id("/proc/sys/kernel/overflowgid", OverflowIds{}.gid)};
  return plan;
}

Started<Descriptor> open_audit_log(const Plan& plan) {
  const auto directory = open_place(plan.configuration.log_directory, plan.installation.name);
  if (!directory) {
    return start_fault(StartStatus::other, "log-directory", directory.error().path + ": " + directory.error().what);
  }
  auto log = open_log(directory->get(), log_name);
  if (!log) return start_fault(StartStatus::other, "log", log.error().path + ": " + log.error().what);
  return *std::move(log);
}

Started<void> choose_directory(Plan& plan, const Invoker& invoker) {
  plan.directory_name = directory_from_environment(*plan.installation.profile);
  const auto& pinned = plan.configuration.pinned_directories;
  const bool is_pinned = std::ranges::find(pinned, plan.directory_name) != pinned.end();
  auto directory = open_served_directory(plan.directory_name, invoker, is_pinned);
  if (!directory) {
    return start_fault(
        StartStatus::directory, directory.error().reason,
        fmt::format("{}: {} (for uid {})", plan.directory_name, std::strerror(directory.error().error), invoker.uid));
  }
  plan.directory = *std::move(directory);
  return {};
}

}  // namespace secshr
