// Reading TOML without forgiving anything: the type must be exact, the value possible, and every refusal says where.
// Internal to this library: toml++ is compiled here only, without exceptions.
#pragma once

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "installation/configuration_error.h"

namespace secshr {

std::expected<toml::table, ConfigurationError> parse_toml(std::string_view text, std::string_view file);

// One key of a file and its value.
struct TomlEntry {
  std::string_view file;
  const toml::key& key;
  const toml::node& value;

  [[nodiscard]] std::string_view name() const noexcept { return key.str(); }
  // The refusals, at the key or at (an element of) the value.
  [[nodiscard]] std::unexpected<ConfigurationError> bad_key(std::string what) const;
  [[nodiscard]] std::unexpected<ConfigurationError> bad_value(std::string what) const;
  [[nodiscard]] std::unexpected<ConfigurationError> bad_value(const toml::node& at, std::string what) const;

  [[nodiscard]] std::expected<std::int64_t, ConfigurationError> integer(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] std::expected<bool, ConfigurationError> boolean() const;
  [[nodiscard]] std::expected<std::string, ConfigurationError> string() const;
};

}  // namespace secshr
