// The directories of sockets, which clients share: nobody can take another's socket away.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>

#include <cerrno>

#include "admin/doctor/checks.h"
#include "admin/look.h"
#include "admin/shell_word.h"
#include "protocol/socket_names.h"
#include "secshr/datagram_socket.h"
#include "system/descriptor.h"

namespace secshr::admin {
namespace {

constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;

bool is_shared(const struct stat& status) noexcept {
  return (status.st_mode & writable_by_others) != 0;
}

void check_directory(const InspectedDirectory& directory, Report& report) {
  const auto status = look_at_target(directory.path);
  const std::string word = shell_word(directory.path);
  if (!status && !is_missing(status.error())) report.could_not_look(directory.path, describe_error(status.error()));
  const bool is_there = status && S_ISDIR(status->st_mode);
  if (!is_there && directory.is_pinned && (status || is_missing(status.error()))) {
    report.add({"tmp.missing", Severity::warning, directory.path,
                "The configuration names it, and there is no such directory: it is not served.",
                "install -d -m 1777 " + word});
  }
  if (!is_there || !is_shared(*status)) return;
  if ((status->st_mode & S_ISVTX) == 0) {
    report.add({"tmp.sticky", Severity::error, directory.path,
                fmt::format("Others may write to it and it is not sticky (mode {:04o}): any of them can take the "
                            "server's socket away and put another in its place.",
                            status->st_mode & 07777U),
                "chmod +t " + word});
  }
  if (status->st_uid != 0) {
    report.add({"tmp.owner", Severity::warning, directory.path,
                fmt::format("Several users share it and uid {} owns it, who can take away any socket in it.",
                            status->st_uid),
                "chown root " + word});
  }
}

// Whoever can move a directory away that leads to it can put another one there.
void check_directory_above(const std::string& path, Report& report) {
  const auto status = look_at_target(path);
  if (!status) return;
  const bool is_loose = is_shared(*status) && (status->st_mode & S_ISVTX) == 0;
  if (!is_loose && status->st_uid == 0) return;
  report.add({"tmp.path", Severity::warning, path,
              is_loose ? fmt::format("Others may write to it (mode {:04o}), and move away the directory of sockets "
                                     "that it leads to.",
                                     status->st_mode & 07777U)
                       : fmt::format("uid {} owns it, who can move away the directory of sockets that it leads to.",
                                     status->st_uid),
              fmt::format("{} {}", is_loose ? "chmod go-w" : "chown root", shell_word(path))});
}

// Its process has ended, and nobody else is bound to it.
bool is_leftover(int directory, const protocol::LeftoverName& leftover, const Descriptor& probe) {
  const Descriptor file(::openat(directory, leftover.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  if (::kill(leftover.pid, 0) == 0 || errno != ESRCH) return false;
  const int error = connect_to_file(probe.get(), file.get());
  if (error == 0) disconnect(probe.get());
  return error == ECONNREFUSED;
}

std::size_t count_leftovers(int directory, const std::vector<std::string>& names, const Machine& machine) {
  const Descriptor probe = make_datagram_socket();
  std::size_t count = 0;
  for (const std::string& name : names) {
    for (const protocol::Profile* const profile : machine.profiles()) {
      const auto leftover = protocol::parse_leftover_name(*profile, name);
      if (!leftover || !is_leftover(directory, *leftover, probe)) continue;
      ++count;
      break;
    }
  }
  return count;
}

}  // namespace

void check_socket_directories(const Machine& machine, Report& report) {
  for (const InspectedDirectory& directory : machine.directories) check_directory(directory, report);
}

void check_paths_to_sockets(const Machine& machine, Report& report) {
  for (const InspectedDirectory& directory : machine.directories) {
    const auto status = look_at_target(directory.path);
    // One that is its owner's alone is the owner's affair.
    if (!status || !is_shared(*status)) continue;
    for (const std::string& above : directories_above(directory.path)) check_directory_above(above, report);
  }
}

void check_leftovers(const Machine& machine, Report& report) {
  for (const InspectedDirectory& directory : machine.directories) {
    const Descriptor opened(::open(directory.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!opened) continue;
    const auto names = names_in(opened.get());
    if (!names) {
      report.could_not_look(directory.path, describe_error(names.error()));
      continue;
    }
    const std::size_t count = count_leftovers(opened.get(), *names, machine);
    if (count == 0) continue;
    report.add({"tmp.leftovers", Severity::notice, directory.path,
                count == 1 ? "A socket of a process that has ended is left over in it."
                           : fmt::format("{} sockets of processes that have ended are left over in it.", count),
                "secshrctl reap"});
  }
}

}  // namespace secshr::admin
