#include "installation/strict_toml.h"

#include <fmt/format.h>

#include <utility>

namespace secshr {
namespace {

std::unexpected<ConfigurationError> error_at(std::string_view file, const toml::source_region& where,
                                             std::string what) {
  return std::unexpected(
      ConfigurationError{std::string(file), where.begin.line, where.begin.column, std::move(what)});
}

}  // namespace

std::expected<toml::table, ConfigurationError> parse_toml(std::string_view text, std::string_view file) {
  toml::parse_result result = toml::parse(text);
  if (!result) return error_at(file, result.error().source(), std::string(result.error().description()));
  return std::move(result).table();
}

std::string TomlEntry::path() const {
  return table.empty() ? std::string(name()) : fmt::format("{}.{}", table, name());
}

std::unexpected<ConfigurationError> TomlEntry::bad_key(std::string what) const {
  return error_at(file, key.source(), std::move(what));
}

std::unexpected<ConfigurationError> TomlEntry::bad_value(std::string what) const {
  return bad_value(value, std::move(what));
}

std::unexpected<ConfigurationError> TomlEntry::bad_value(const toml::node& at, std::string what) const {
  return error_at(file, at.source(), fmt::format("{}: {}", path(), what));
}

std::expected<std::int64_t, ConfigurationError> TomlEntry::integer(std::int64_t low, std::int64_t high) const {
  const toml::value<std::int64_t>* number = value.as_integer();
  if (number == nullptr || number->get() < low || number->get() > high) {
    return bad_value(fmt::format("must be a whole number from {} to {}", low, high));
  }
  return number->get();
}

std::expected<bool, ConfigurationError> TomlEntry::boolean() const {
  const toml::value<bool>* truth = value.as_boolean();
  if (truth == nullptr) return bad_value("must be true or false");
  return truth->get();
}

std::expected<std::string, ConfigurationError> TomlEntry::string() const {
  const toml::value<std::string>* text = value.as_string();
  if (text == nullptr) return bad_value("must be a string");
  return text->get();
}

}  // namespace secshr
