#include "secshr/log_copy.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>

#include "secshr/root_directories.h"

namespace secshr {
namespace {

constexpr char copy_name[] = "gtm_secshr_log";

// The first of the profile's variables that is set; the wrapper has cleaned them.
const char* directory_from_environment(const protocol::Profile& profile) {
  for (const std::string_view variable : profile.log_variables) {
    if (const char* value = std::getenv(std::string(variable).c_str())) return value;
  }
  return nullptr;
}

bool same_file(int one, int other) {
  struct stat a{};
  struct stat b{};
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

void open_log_copy(const Plan& plan, const Invoker& invoker, Logs& logs) {
  const char* const name = directory_from_environment(*plan.installation.profile);
  if (name == nullptr || !plan.configuration.log.copy) return;
  const auto directory = open_served_directory(name, invoker, false);
  if (!directory) {
    const DirectoryFault& fault = directory.error();
    logs.copy_refused =
        fmt::format("{}: {}: {} (for uid {})", name, fault.reason, std::strerror(fault.error), invoker.uid);
    return;
  }
  auto copy = open_log(directory->get(), copy_name, 0600);
  if (!copy) {
    logs.copy_refused = fmt::format("{}/{}: {}", name, copy.error().path, copy.error().what);
    return;
  }
  // The directory may give it a group of the user's, and what is there may be another file of root's that was
  // renamed.
  struct stat facts{};
  if (::fstat(copy->get(), &facts) != 0 || (facts.st_mode & 077U) != 0) {
    logs.copy_refused = fmt::format("{}/{}: others may read it", name, copy_name);
    return;
  }
  if (same_file(copy->get(), logs.log.get())) return;  // the log itself
  logs.copy = *std::move(copy);
}

}  // namespace secshr
