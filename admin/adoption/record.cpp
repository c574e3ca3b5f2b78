#include "admin/adoption/record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "admin/files.h"
#include "installation/limits.h"
#include "installation/root_file.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

// Made by the installation of secshr; made again where an administrator removed it.
Result<void> make_directory() {
  const std::string directory = paths::installations;
  const std::string parent = directory.substr(0, directory.rfind('/'));
  for (const std::string& path : {parent, directory}) {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return system_error(path, "create");
  }
  return {};
}

}  // namespace

std::string record_path(std::string_view name) {
  return fmt::format("{}/{}.toml", paths::installations, name);
}

Result<std::vector<Installation>> read_records() {
  auto records = read_installations(paths::installations);
  if (!records) return error(to_string(records.error()));
  for (const ConfigurationError& bad : records->bad) {
    fmt::print(stderr, "secshrctl: {}; this record is ignored until it is mended or removed\n", to_string(bad));
  }
  return std::move(records->good);
}

std::optional<std::string> default_name(std::string_view directory) {
  std::string name(directory.substr(directory.rfind('/') + 1));
  for (char& c : name) {
    if (!is_installation_name(std::string("x") + c)) c = '-';
  }
  name.erase(0, std::min(name.find_first_not_of(".-"), name.size()));
  name.resize(std::min(name.size(), limits::installation_name_bytes));
  if (!is_installation_name(name)) return std::nullopt;
  return name;
}

Result<void> write_record(const Installation& installation, Undo& undo) {
  if (auto made = make_directory(); !made) return made;
  return replace_with_contents(record_path(installation.name), format_installation(installation), Access{0644}, undo);
}

Result<void> remove_record(std::string_view name) {
  const std::string path = record_path(name);
  if (auto removed = remove_temporaries(path); !removed) return removed;
  if (auto removed = remove_if_there(path); !removed) return removed;
  return sync_directory_of(path);
}

}  // namespace secshr::admin
