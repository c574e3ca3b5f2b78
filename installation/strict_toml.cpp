#include "installation/strict_toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace secshr {
namespace {

std::unexpected<ConfigurationError> error_at(std::string_view file, const toml::source_region& where,
                                             std::string what) {
  return std::unexpected(
      ConfigurationError{std::string(file), where.begin.line, where.begin.column, std::move(what)});
}

// Nothing where the library finds the text other than it believed.
std::optional<toml::parse_result> try_to_parse(std::string_view text) try {
  return toml::parse(text);
} catch (const TomlBelied&) {
  return std::nullopt;
}

// At the end of the shortest beginning of which that can be said.
std::unexpected<ConfigurationError> error_where_belied(std::string_view text, std::string_view file) {
  std::size_t parsed = 0;
  std::size_t belied = text.size();
  while (belied - parsed > 1) {
    const std::size_t middle = parsed + (belied - parsed) / 2;
    (try_to_parse(text.substr(0, middle)) ? parsed : belied) = middle;
  }
  const std::string_view before = text.substr(0, parsed);
  const auto line = static_cast<unsigned>(std::ranges::count(before, '\n')) + 1;
  const auto column = static_cast<unsigned>(before.size() - (before.rfind('\n') + 1)) + 1;  // of none: npos + 1 is 0
  return std::unexpected(ConfigurationError{std::string(file), line, column, "is no TOML from here on"});
}

}  // namespace

std::expected<toml::table, ConfigurationError> parse_toml(std::string_view text, std::string_view file) {
  auto result = try_to_parse(text);
  if (!result) return error_where_belied(text, file);
  if (!*result) return error_at(file, result->error().source(), std::string(result->error().description()));
  return std::move(*result).table();
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
