#include "secshr/audit/logfmt.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace secshr {
namespace {

constexpr std::string_view plain_punctuation = "_./:@,+-%";

constexpr bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_plain(char c) {
  return is_alphanumeric(c) || plain_punctuation.find(c) != std::string_view::npos;
}
constexpr bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}

void append_escaped(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (is_printable(c)) {
    out += c;
  } else {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
  }
}

void append_value(std::string& out, std::string_view value) {
  if (!value.empty() && std::ranges::all_of(value, is_plain)) {
    out += value;
    return;
  }
  out += '"';
  for (const char c : value) append_escaped(out, c);
  out += '"';
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

// Takes what a quoted value holds, and its closing quote, off the front.
std::optional<std::string> take_quoted(std::string_view& line) {
  std::string value;
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c == '"') return value;
    if (!is_printable(c)) return std::nullopt;
    if (c != '\\') {
      value += c;
      continue;
    }
    if (line.empty()) return std::nullopt;
    const char escaped = line.front();
    line.remove_prefix(1);
    if (escaped == '"' || escaped == '\\') {
      value += escaped;
      continue;
    }
    if (escaped != 'x' || line.size() < 2) return std::nullopt;
    const auto high = hex_digit(line[0]);
    const auto low = hex_digit(line[1]);
    if (!high || !low) return std::nullopt;
    value += static_cast<char>(*high * 16 + *low);
    line.remove_prefix(2);
  }
  return std::nullopt;
}

std::optional<std::string> take_plain(std::string_view& line) {
  const auto end = std::ranges::find_if_not(line, is_plain);
  std::string value(line.begin(), end);
  line.remove_prefix(value.size());
  if (value.empty()) return std::nullopt;
  return value;
}

}  // namespace

void LogLine::key(std::string_view name) {
  if (!line_.empty()) line_ += ' ';
  line_ += name;
  line_ += '=';
}

LogLine& LogLine::text(std::string_view name, std::string_view value) {
  key(name);
  append_value(line_, value);
  return *this;
}

LogLine& LogLine::number(std::string_view name, std::int64_t value) {
  key(name);
  fmt::format_to(std::back_inserter(line_), "{}", value);
  return *this;
}

LogLine& LogLine::octal(std::string_view name, unsigned value) {
  key(name);
  fmt::format_to(std::back_inserter(line_), "{:04o}", value);
  return *this;
}

std::string log_value(std::string_view value) {
  std::string text;
  append_value(text, value);
  return text;
}

std::optional<LogFields> parse_log_line(std::string_view line) {
  const std::string_view whole = line;
  LogFields fields;
  LogLine again;
  while (!line.empty()) {
    if (!fields.empty()) {
      if (line.front() != ' ') return std::nullopt;
      line.remove_prefix(1);
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    std::string key(line.substr(0, equals));
    if (!std::ranges::all_of(key, is_plain)) return std::nullopt;
    line.remove_prefix(equals + 1);
    std::optional<std::string> value;
    if (line.starts_with('"')) {
      line.remove_prefix(1);
      value = take_quoted(line);
    } else {
      value = take_plain(line);
    }
    if (!value) return std::nullopt;
    again.text(key, *value);
    fields.emplace_back(std::move(key), *std::move(value));
  }
  if (again.view() != whole) return std::nullopt;  // each value has one spelling
  return fields;
}

std::string log_timestamp(std::chrono::sys_time<std::chrono::microseconds> when) {
  // Not by the C library, which reads the time zone's file even for this.
  const auto midnight = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(when - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::string log_timestamp() {
  return log_timestamp(std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()));
}

}  // namespace secshr
