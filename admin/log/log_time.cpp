#include "admin/log/log_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "admin/log/log_entry.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

// Before everything in a log.
constexpr LogTime first_time{};

std::optional<std::chrono::seconds> unit_of(char letter) {
  constexpr std::array<std::pair<char, std::chrono::seconds>, 5> units{{{'s', std::chrono::seconds(1)},
                                                                        {'m', std::chrono::minutes(1)},
                                                                        {'h', std::chrono::hours(1)},
                                                                        {'d', std::chrono::days(1)},
                                                                        {'w', std::chrono::weeks(1)}}};
  const auto* const found = std::ranges::find(units, letter, &std::pair<char, std::chrono::seconds>::first);
  if (found == units.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> parse_age(std::string_view text, LogTime now) {
  constexpr std::size_t most_digits = 9;
  if (text.size() < 2 || text.size() > most_digits + 1) return std::nullopt;
  const auto unit = unit_of(text.back());
  unsigned number = 0;
  const std::string_view digits = text.substr(0, text.size() - 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (!unit || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const auto age = *unit * std::int64_t{number};
  // In seconds: so many weeks are more microseconds than there are numbers.
  const bool is_before_everything = age > std::chrono::floor<std::chrono::seconds>(now - first_time);
  return log_timestamp(is_before_everything ? first_time : now - age);
}

// Completed with what was left out.
std::optional<std::string> parse_date(std::string_view text) {
  constexpr std::string_view midnight = "T00:00:00.000000Z";
  constexpr std::size_t date = 10;
  constexpr std::array<std::size_t, 3> whole{date, date + 6, date + 9};  // with minutes, with seconds
  std::string full(text);
  if (full.size() > date && full.ends_with('Z')) full.pop_back();
  if (full.size() > date && full[date] == ' ') full[date] = 'T';
  const bool has_fraction = full.size() > whole[2] + 1 && full.size() <= date + midnight.size() - 1;
  if (!has_fraction && std::ranges::find(whole, full.size()) == whole.end()) return std::nullopt;
  full += midnight.substr(full.size() - date);
  if (!is_log_time(full)) return std::nullopt;
  return full;
}

}  // namespace

std::optional<std::string> parse_log_time(std::string_view text, LogTime now) {
  auto date = parse_date(text);
  return date ? date : parse_age(text, now);
}

}  // namespace secshr::admin
