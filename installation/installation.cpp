#include "installation/installation.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "installation/limits.h"
#include "installation/paths.h"
#include "installation/root_file.h"
#include "installation/strict_toml.h"
#include "protocol/communication_key.h"
#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr {
namespace {

std::unexpected<ConfigurationError> whole_file(std::string_view file, std::string what) {
  return std::unexpected(ConfigurationError{std::string(file), 0, 0, std::move(what)});
}

TomlOutcome take_profile(const TomlEntry& entry, Installation& installation) {
  const auto name = entry.string();
  if (!name) return std::unexpected(name.error());
  installation.profile = protocol::find_profile(*name);
  if (installation.profile == nullptr) return entry.bad_value("no such profile");
  return {};
}

TomlOutcome take_directory(const TomlEntry& entry, Installation& installation) {
  auto path = entry.string();
  if (!path) return std::unexpected(path.error());
  if (const auto fault = path_fault(*path, limits::path_bytes)) return entry.bad_value(std::string(*fault));
  installation.directory = *std::move(path);
  return {};
}

TomlOutcome take_release(const TomlEntry& entry, Installation& installation) {
  auto release = entry.string();
  if (!release) return std::unexpected(release.error());
  if (!is_release(*release)) return entry.bad_value("must be 1 to 128 printable ASCII characters");
  installation.release = *std::move(release);
  return {};
}

TomlOutcome take_communication_key(const TomlEntry& entry, Installation& installation) {
  const auto key = entry.integer(0, 0xffffffff);
  if (!key) return std::unexpected(key.error());
  installation.communication_key = static_cast<std::uint32_t>(*key);
  return {};
}

constexpr std::array<TomlKey<Installation>, 4> keys{{{"profile", take_profile},
                                                     {"directory", take_directory},
                                                     {"release", take_release},
                                                     {"communication_key", take_communication_key}}};

constexpr std::string_view record_suffix = ".toml";

// The names of the records in `directory`, sorted; a missing directory has none.
std::expected<std::vector<std::string>, ConfigurationError> record_names(const char* directory) {
  const RootControlled opened = open_root_controlled(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened.fault == PathFault::missing) return {};
  if (opened.fault != PathFault::none) return whole_file(directory, explain(opened.fault));
  Descriptor descriptor(opened.descriptor);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(descriptor.get()), &closedir);
  if (!listing) return whole_file(directory, std::strerror(errno));
  (void)descriptor.release();  // the listing closes it

  std::vector<std::string> names;
  errno = 0;  // readdir(3) tells an error from the end only by it
  while (const dirent* const entry = readdir(listing.get())) {
    const std::string_view name(entry->d_name);
    if (name.ends_with(record_suffix) && !name.starts_with('.')) {
      names.emplace_back(name.substr(0, name.size() - record_suffix.size()));
    }
    errno = 0;
  }
  if (errno != 0) return whole_file(directory, std::strerror(errno));
  std::ranges::sort(names);
  return names;
}

std::expected<Installation, ConfigurationError> load_record(const std::string& directory, const std::string& name) {
  const std::string file = fmt::format("{}/{}{}", directory, name, record_suffix);
  const auto text = read_root_file(file.c_str(), limits::configuration_file_bytes);
  if (!text) return std::unexpected(text.error());
  return parse_installation(*text, file, name);
}

// Whether DIST/gtmsecshr is that file. A DIST that is gone matches nothing; one that others could have written is an
// error.
std::expected<bool, ConfigurationError> is_wrapper_of(const Installation& installation, dev_t device, ino_t inode) {
  const std::string path = wrapper_path(installation.directory);
  const RootControlled opened = open_root_controlled(path.c_str(), O_PATH | O_CLOEXEC);
  if (opened.fault == PathFault::missing) return false;
  if (opened.fault != PathFault::none) return whole_file(path, explain(opened.fault));
  const Descriptor descriptor(opened.descriptor);
  struct stat found{};
  if (fstat(descriptor.get(), &found) != 0) return whole_file(path, std::strerror(errno));
  return found.st_dev == device && found.st_ino == inode;
}

}  // namespace

bool is_installation_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= limits::installation_name_bytes && name.front() != '.' &&
         name.front() != '-' && std::ranges::all_of(name, allowed);
}

bool is_release(std::string_view release) noexcept {
  return !release.empty() && release.size() <= limits::release_bytes &&
         std::ranges::all_of(release, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string wrapper_path(std::string_view directory) {
  return std::string(directory) + "/gtmsecshr";
}

std::expected<Installation, ConfigurationError> parse_installation(std::string_view text, std::string_view file,
                                                                   std::string_view name) {
  if (!is_installation_name(name)) {
    return whole_file(file,
                      "the file's name is no installation name ([A-Za-z0-9._-], at most 64, no leading . or -)");
  }
  const auto table = parse_toml(text, file);
  if (!table) return std::unexpected(table.error());

  Installation installation;
  installation.name = name;
  if (const TomlOutcome taken = take_keys(*table, file, {}, keys, installation); !taken) {
    return std::unexpected(taken.error());
  }
  for (const std::string_view key : names_of(keys)) {
    if (!table->contains(key)) return whole_file(file, std::string(key) + " is missing");
  }
  const std::uint32_t computed = protocol::communication_key(installation.release);
  if (installation.communication_key != computed) {
    const auto where = table->get("communication_key")->source().begin;
    return std::unexpected(ConfigurationError{std::string(file), where.line, where.column,
                                              fmt::format("communication_key: must be {:#010x}, the key of the "
                                                          "release \"{}\"",
                                                          computed, installation.release)});
  }
  return installation;
}

std::string format_installation(const Installation& installation) {
  // The values hold no control characters (path_fault, is_release), so a basic string needs only these two escaped.
  const auto quoted = [](std::string_view value) {
    std::string text = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    return text + '"';
  };
  return fmt::format(
      "# Written by secshrctl adopt; undone by secshrctl restore. Takes effect when the broker starts.\n"
      "profile = {}\ndirectory = {}\nrelease = {}\ncommunication_key = {:#010x}\n",
      quoted(installation.profile->name), quoted(installation.directory), quoted(installation.release),
      installation.communication_key);
}

std::expected<InstallationRecords, ConfigurationError> read_installations(const char* directory) {
  const auto names = record_names(directory);
  if (!names) return std::unexpected(names.error());
  InstallationRecords records;
  for (const std::string& name : *names) {
    if (auto record = load_record(directory, name)) {
      records.good.push_back(*std::move(record));
    } else {
      records.bad.push_back(std::move(record).error());
    }
  }
  return records;
}

std::expected<std::vector<Installation>, ConfigurationError> load_installations(const char* directory) {
  auto records = read_installations(directory);
  if (!records) return std::unexpected(records.error());
  if (!records->bad.empty()) return std::unexpected(records->bad.front());
  return std::move(records->good);
}

std::expected<std::optional<Installation>, ConfigurationError> find_installation(const char* directory, dev_t device,
                                                                                 ino_t inode) {
  auto records = read_installations(directory);
  if (!records) return std::unexpected(records.error());
  std::optional<Installation> match;
  for (Installation& candidate : records->good) {
    const auto matches = is_wrapper_of(candidate, device, inode);
    if (!matches) {
      records->bad.push_back(matches.error());
    } else if (*matches && match) {
      return whole_file(directory,
                        fmt::format("{} and {} are records of the same installation", match->name, candidate.name));
    } else if (*matches) {
      match = std::move(candidate);
    }
  }
  if (!match && !records->bad.empty()) return std::unexpected(records->bad.front());
  return match;
}

}  // namespace secshr
