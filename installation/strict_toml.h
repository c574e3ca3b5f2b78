// Reading TOML without forgiving anything: the type must be exact, the value possible, and every refusal says where.
// Internal to this library: toml++ is compiled here only, without exceptions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "installation/configuration_error.h"
#include "installation/toml_library.h"

namespace secshr {

std::expected<toml::table, ConfigurationError> parse_toml(std::string_view text, std::string_view file);

// One key of a file and its value.
struct TomlEntry {
  std::string_view file;
  std::string_view table;  // that the key is in; empty at the top of the file
  const toml::key& key;
  const toml::node& value;

  [[nodiscard]] std::string_view name() const noexcept { return key.str(); }
  [[nodiscard]] std::string path() const;  // "table.name"
  // The refusals, at the key or at (an element of) the value.
  [[nodiscard]] std::unexpected<ConfigurationError> bad_key(std::string what) const;
  [[nodiscard]] std::unexpected<ConfigurationError> bad_value(std::string what) const;
  [[nodiscard]] std::unexpected<ConfigurationError> bad_value(const toml::node& at, std::string what) const;

  [[nodiscard]] std::expected<std::int64_t, ConfigurationError> integer(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] std::expected<bool, ConfigurationError> boolean() const;
  [[nodiscard]] std::expected<std::string, ConfigurationError> string() const;
};

using TomlOutcome = std::expected<void, ConfigurationError>;

// A key that a table may have, and what takes its value.
template <typename Target>
struct TomlKey {
  std::string_view name;
  TomlOutcome (*take)(const TomlEntry&, Target&);
};

// Takes everything that is in a table; a key that is none of `keys` is an error. `name` is the table's own.
template <typename Target, std::size_t count>
TomlOutcome take_keys(const toml::table& table, std::string_view file, std::string_view name,
                      const std::array<TomlKey<Target>, count>& keys, Target& target) {
  for (auto&& [key, value] : table) {
    const TomlEntry entry{file, name, key, value};
    const auto known = std::ranges::find(keys, entry.name(), &TomlKey<Target>::name);
    if (known == keys.end()) return entry.bad_key("unknown key \"" + entry.path() + "\"");
    if (const TomlOutcome taken = known->take(entry, target); !taken) return taken;
  }
  return {};
}

// The same for a table that is the value of an entry.
template <typename Target, std::size_t count>
TomlOutcome take_table(const TomlEntry& entry, const std::array<TomlKey<Target>, count>& keys, Target& target) {
  const toml::table* const table = entry.value.as_table();
  if (table == nullptr) return entry.bad_value("must be a table");
  return take_keys(*table, entry.file, entry.name(), keys, target);
}

template <typename Target, std::size_t count>
std::vector<std::string_view> names_of(const std::array<TomlKey<Target>, count>& keys) {
  std::vector<std::string_view> names;
  std::ranges::transform(keys, std::back_inserter(names), &TomlKey<Target>::name);
  return names;
}

}  // namespace secshr
