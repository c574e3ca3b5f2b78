// What removes old files from the directories of sockets by itself, read from the machine's own configuration.
#include <fmt/format.h>

#include <array>
#include <map>
#include <set>

#include "admin/doctor/checks.h"
#include "admin/doctor/tmp_cleaners.h"
#include "admin/look.h"
#include "admin/shell_word.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

// The forms of names that are in use there.
SocketsInUse sockets_in(const std::string& directory, const Machine& machine) {
  SocketsInUse sockets{directory, {}, {}};
  sockets.names.reserve(3 * machine.adopted.size());
  for (const Adopted& adopted : machine.adopted) {
    const protocol::Profile& profile = *adopted.installation.profile;
    if (const auto wrapper = look_at(wrapper_path(adopted.installation.directory))) {
      const std::uint32_t key = protocol::server_key(wrapper->st_dev, wrapper->st_ino);
      sockets.names.emplace_back(protocol::server_socket_name(profile, key).view());
    }
    sockets.names.emplace_back(protocol::client_socket_name(profile, 4711).view());
    sockets.names.emplace_back(protocol::client_socket_name(profile, 4711, 'a').view());
  }
  const auto status = look_at_target(directory);
  const auto all_above = directories_above(directory);
  sockets.above.reserve(all_above.size());
  for (const std::string& above : all_above) {
    const auto other = look_at_target(above);
    if (!status || !other || other->st_dev != status->st_dev) break;
    sockets.above.push_back(above);
  }
  return sockets;
}

// tmpfiles.d(5): of files with one name the first of these has it.
constexpr std::array<const char*, 4> tmpfiles_directories{"/etc/tmpfiles.d", "/run/tmpfiles.d",
                                                          "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"};

std::vector<CleanerFile> tmpfiles(Report& report) {
  std::map<std::string, CleanerFile> by_name;
  for (const char* const directory : tmpfiles_directories) {
    const auto names = names_in(directory);
    if (!names && !is_missing(names.error())) report.could_not_look(directory, describe_error(names.error()));
    if (!names) continue;
    for (const std::string& name : *names) {
      const std::string path = fmt::format("{}/{}", directory, name);
      if (!name.ends_with(".conf") || by_name.contains(name)) continue;
      const auto text = read_text(path);
      if (!text && !is_missing(text.error())) report.could_not_look(path, describe_error(text.error()));
      by_name.emplace(name, CleanerFile{path, text.value_or("")});
    }
  }
  std::vector<CleanerFile> files;
  files.reserve(by_name.size());
  for (auto& [name, file] : by_name) files.push_back(std::move(file));
  return files;
}

// Of every profile whose sockets are there.
std::string exclusions(const Machine& machine, const std::string& directory, std::string_view before,
                       std::string_view after) {
  std::string text;
  std::set<std::string_view> prefixes;
  for (const protocol::Profile* const profile : machine.profiles()) prefixes.insert(profile->socket_prefix);
  for (const std::string_view prefix : prefixes) text += fmt::format("{}{}/{}*{}", before, directory, prefix, after);
  return text;
}

void check_tmpfiles(const Machine& machine, const std::vector<CleanerFile>& files, const SocketsInUse& sockets,
                    Report& report) {
  const auto cleaner = tmpfiles_cleaner(files, sockets);
  if (!cleaner) return;
  const std::string lines = exclusions(machine, sockets.directory, "x ", "\\n");
  report.add(
      {"tmp.cleaner", Severity::warning, sockets.directory,
       fmt::format("{} has systemd-tmpfiles remove what is older than {}, and with it the server's socket, "
                   "which it does not know to be in use.",
                   log_value(cleaner->file), log_value(cleaner->age)),
       fmt::format("mkdir -p /etc/tmpfiles.d && printf {} >> /etc/tmpfiles.d/secshr.conf", shell_word(lines))});
}

struct ScriptedCleaner {
  const char* file;
  const char* program;
  bool (*cleans)(std::string_view text, const SocketsInUse& sockets);
};
constexpr std::array<ScriptedCleaner, 2> scripted_cleaners{
    {{"/etc/tmpreaper.conf", "tmpreaper", tmpreaper_cleans},
     {"/etc/cron.daily/tmpwatch", "tmpwatch", tmpwatch_cleans}}};

std::string command_for(const ScriptedCleaner& cleaner, const Machine& machine, const SocketsInUse& sockets) {
  if (cleaner.cleans == tmpwatch_cleans) {
    const auto options = exclusions(machine, sockets.directory, " --exclude-pattern='\\''", "'\\''");
    return fmt::format("sed -i 's|tmpwatch .*--all|&{}|' {}", options, cleaner.file);
  }
  const std::string patterns = exclusions(machine, sockets.directory, " ", "");
  return fmt::format("echo {} >> {}",
                     shell_word("TMPREAPER_PROTECT_EXTRA=\"$TMPREAPER_PROTECT_EXTRA" + patterns + "\""),
                     cleaner.file);
}

void check_scripted(const Machine& machine, const SocketsInUse& sockets, Report& report) {
  for (const ScriptedCleaner& cleaner : scripted_cleaners) {
    const auto text = read_text(cleaner.file);
    if (!text && !is_missing(text.error())) report.could_not_look(cleaner.file, describe_error(text.error()));
    if (!text || !cleaner.cleans(*text, sockets)) continue;
    report.add({"tmp.cleaner", Severity::warning, sockets.directory,
                fmt::format("{} has {} remove old files of all kinds, and with them sockets that are in use.",
                            cleaner.file, cleaner.program),
                command_for(cleaner, machine, sockets)});
  }
}

}  // namespace

void check_tmp_cleaners(const Machine& machine, Report& report) {
  if (machine.adopted.empty()) return;
  const std::vector<CleanerFile> files = tmpfiles(report);
  for (const InspectedDirectory& directory : machine.directories) {
    const SocketsInUse sockets = sockets_in(directory.path, machine);
    check_tmpfiles(machine, files, sockets, report);
    check_scripted(machine, sockets, report);
  }
}

}  // namespace secshr::admin
