#include "installation/configuration.h"

#include <murmurhash.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "installation/limits.h"
#include "installation/paths.h"
#include "installation/root_file.h"
#include "installation/strict_toml.h"
#include "protocol/limits.h"

namespace secshr {
namespace {

// What has been read so far. An id is looked at again at the end: whether it is there at all, and whether another is
// the same.
struct Reading {
  Configuration configuration;
  struct Id {
    std::string_view name;
    uid_t Configuration::* member;
    const toml::node* value = nullptr;
  };
  std::array<Id, 3> ids{{{"broker_uid", &Configuration::broker_uid},
                         {"looker_uid", &Configuration::looker_uid},
                         {"writer_uid", &Configuration::writer_uid}}};
};

TomlOutcome take_id(const TomlEntry& entry, Reading& reading) {
  const auto number = entry.integer(1, limits::largest_service_uid);
  if (!number) return std::unexpected(number.error());
  const auto id = std::ranges::find(reading.ids, entry.name(), &Reading::Id::name);
  const auto uid = static_cast<uid_t>(*number);
  for (const Reading::Id& other : reading.ids) {
    if (other.value != nullptr && reading.configuration.*other.member == uid) {
      return entry.bad_value("must differ from " + std::string(other.name));
    }
  }
  id->value = &entry.value;
  reading.configuration.*(id->member) = uid;
  return {};
}

TomlOutcome take_directories(const TomlEntry& entry, Reading& reading) {
  const toml::array* list = entry.value.as_array();
  if (list == nullptr) return entry.bad_value("must be an array of absolute paths");
  std::vector<std::string>& directories = reading.configuration.pinned_directories;
  for (const toml::node& element : *list) {
    const toml::value<std::string>* path = element.as_string();
    if (path == nullptr) return entry.bad_value(element, "must be an array of absolute paths");
    if (const auto fault = path_fault(path->get(), protocol::maximum_directory)) {
      return entry.bad_value(element, std::string(*fault));
    }
    if (std::ranges::find(directories, path->get()) != directories.end())
      return entry.bad_value(element, "is there twice");
    directories.push_back(path->get());
  }
  return {};
}

TomlOutcome take_log_directory(const TomlEntry& entry, Reading& reading) {
  auto path = entry.string();
  if (!path) return std::unexpected(path.error());
  if (const auto fault = path_fault(*path, limits::path_bytes)) return entry.bad_value(std::string(*fault));
  reading.configuration.log_directory = *std::move(path);
  return {};
}

TomlOutcome take_idle_timeout(const TomlEntry& entry, Reading& reading) {
  const auto seconds = entry.integer(1, limits::largest_idle_timeout_s);
  if (!seconds) return std::unexpected(seconds.error());
  reading.configuration.idle_timeout = std::chrono::seconds(*seconds);
  return {};
}

TomlOutcome take_allow_root_objects(const TomlEntry& entry, Reading& reading) {
  const auto allowed = entry.boolean();
  if (!allowed) return std::unexpected(allowed.error());
  reading.configuration.allow_root_objects = *allowed;
  return {};
}

TomlOutcome take_max_directories(const TomlEntry& entry, Reading& reading) {
  const auto number = entry.integer(1, limits::most_directories);
  if (!number) return std::unexpected(number.error());
  reading.configuration.max_directories = static_cast<unsigned>(*number);
  return {};
}

TomlOutcome take_restrict_table(const TomlEntry& entry, Reading& reading) {
  return take_restrictions(entry, reading.configuration.restrictions);
}

TomlOutcome take_log_table(const TomlEntry& entry, Reading& reading) {
  return take_log_settings(entry, reading.configuration.log);
}

TomlOutcome take_doctor_table(const TomlEntry& entry, Reading& reading) {
  return take_acknowledgements(entry, reading.configuration.acknowledged);
}

constexpr std::string_view restrict_table = "restrict";
constexpr std::string_view log_table = "log";
constexpr std::string_view doctor_table = "doctor";
constexpr std::array<TomlKey<Reading>, 11> keys{{
    {"broker_uid", take_id},
    {"looker_uid", take_id},
    {"writer_uid", take_id},
    {"tmp", take_directories},
    {"log_directory", take_log_directory},
    {"idle_timeout_s", take_idle_timeout},
    {"allow_root_objects", take_allow_root_objects},
    {"max_directories", take_max_directories},
    {restrict_table, take_restrict_table},
    {log_table, take_log_table},
    {doctor_table, take_doctor_table},
}};

std::uint64_t hash_of(std::string_view text) {
  std::array<std::uint64_t, 2> hash{};
  lmmh_x64_128(text.data(), static_cast<unsigned>(text.size()), 0, hash.data());
  return hash[0];
}

}  // namespace

std::expected<Configuration, ConfigurationError> parse_configuration(std::string_view text, std::string_view file) {
  const auto whole = [file](std::string what) {
    return std::unexpected(ConfigurationError{std::string(file), 0, 0, std::move(what)});
  };
  if (text.size() > limits::configuration_file_bytes) return whole("is too long");
  const auto table = parse_toml(text, file);
  if (!table) return std::unexpected(table.error());

  Reading reading;
  if (const TomlOutcome taken = take_keys(*table, file, {}, keys, reading); !taken) {
    return std::unexpected(taken.error());
  }
  for (const Reading::Id& id : reading.ids) {
    if (id.value == nullptr) return whole(std::string(id.name) + " is missing: it has no default");
  }
  Configuration& configuration = reading.configuration;
  if (configuration.pinned_directories.size() > configuration.max_directories) {
    const auto where = table->get("tmp")->source().begin;
    return std::unexpected(ConfigurationError{std::string(file), where.line, where.column,
                                              "tmp: names more directories than max_directories allows"});
  }
  configuration.text = text;
  configuration.hash = hash_of(text);
  return std::move(configuration);
}

std::vector<std::string> configuration_keys() {
  std::vector<std::string> paths;
  for (const std::string_view name : names_of(keys)) {
    if (name != restrict_table && name != log_table && name != doctor_table) paths.emplace_back(name);
  }
  const auto add = [&paths](std::string_view table, const std::vector<std::string_view>& names) {
    for (const std::string_view name : names) paths.push_back(std::string(table) + "." + std::string(name));
  };
  add(restrict_table, restriction_keys());
  add(log_table, log_setting_keys());
  add(doctor_table, acknowledgement_keys());
  return paths;
}

std::expected<Configuration, ConfigurationError> load_configuration(const char* path) {
  const auto text = read_root_file(path, limits::configuration_file_bytes);
  if (!text) return std::unexpected(text.error());
  return parse_configuration(*text, path);
}

}  // namespace secshr
