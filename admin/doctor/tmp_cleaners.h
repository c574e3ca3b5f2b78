// What removes old files from directories by itself, and whether it would take sockets that are in use: those are
// never written to, and so look old. Pure: the configuration is read elsewhere.
//
// systemd-tmpfiles(8) knows a live socket by the path it was bound to; the server's came to its name by a rename, and
// is none. tmpreaper(8) and tmpwatch(8) take sockets where they are told to take all kinds of files.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace secshr::admin {

// A file of tmpfiles.d(5): those that another of the same name overrides are left out.
struct CleanerFile {
  std::string path;
  std::string text;
};

struct SocketsInUse {
  std::string directory;
  std::vector<std::string> names;  // one of each form that there is
  // Of the directories above it, those on its own file system: what cleans an ancestor does not enter other ones.
  std::vector<std::string> above;
};

struct Cleaner {
  std::string file;
  std::string age;
};

// The one that would remove some of them.
std::optional<Cleaner> tmpfiles_cleaner(std::span<const CleanerFile> files, const SocketsInUse& sockets);
// `configuration` is /etc/tmpreaper.conf, a file of shell variables.
bool tmpreaper_cleans(std::string_view configuration, const SocketsInUse& sockets);
// `script` is what cron runs.
bool tmpwatch_cleans(std::string_view script, const SocketsInUse& sockets);

}  // namespace secshr::admin
