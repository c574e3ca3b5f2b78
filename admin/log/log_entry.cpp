#include "admin/log/log_entry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <utility>

#include "secshr/outcome.h"

namespace secshr::admin {
namespace {

constexpr std::size_t longest_word = 64;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '-' || c == '_';
}
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= longest_word && std::ranges::all_of(text, is_of_word);
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}
template <class Number>
bool is_number(std::string_view text) {
  return number_of<Number>(text).has_value();
}
template <class Number>
bool is_known_or_not(std::string_view text) {
  return text == not_known || is_number<Number>(text);
}

bool is_mode(std::string_view text) {
  return text == not_known || (!text.empty() && text.size() <= 6 &&
                               std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '7'; }));
}
bool is_verdict(std::string_view text) {
  constexpr std::array verdicts{Verdict::done, Verdict::refused, Verdict::failed, Verdict::dropped};
  return std::ranges::any_of(verdicts, [&](Verdict verdict) { return text == verdict_name(verdict); });
}
bool is_yes(std::string_view text) {
  return text == "yes";
}
// What others chose: parse_log_line() has seen to its form.
bool is_anything(std::string_view /*text*/) {
  return true;
}

struct Form {
  std::string_view key;
  bool (*takes)(std::string_view);
  bool is_optional = false;
};

// In the order in which file_audit.cpp writes them.
constexpr std::array record_form{Form{"ts", is_log_time},
                                 Form{"seq", is_number<std::uint64_t>},
                                 Form{"pid", is_known_or_not<pid_t>},
                                 Form{"uid", is_known_or_not<uid_t>},
                                 Form{"gid", is_known_or_not<gid_t>},
                                 Form{"comm", is_anything},
                                 Form{"req", is_word},
                                 Form{"obj", is_anything},
                                 Form{"objlen", is_number<std::uint64_t>, true},
                                 Form{"owner", is_known_or_not<uid_t>},
                                 Form{"mode", is_mode},
                                 Form{"verdict", is_verdict},
                                 Form{"rule", is_word},
                                 Form{"errno", is_word},
                                 Form{"us", is_number<std::int64_t>},
                                 Form{"late", is_yes, true},
                                 Form{"before", is_anything, true},
                                 Form{"after", is_anything, true}};
constexpr std::array event_form{Form{"ts", is_log_time},
                                Form{"seq", is_number<std::uint64_t>, true},
                                Form{"event", is_word},
                                Form{"uid", is_number<uid_t>, true},
                                Form{"count", is_number<std::uint64_t>, true},
                                Form{"lines", is_number<std::uint64_t>, true},
                                Form{"detail", is_anything, true},
                                Form{"detaillen", is_number<std::uint64_t>, true}};

bool has_form(const LogFields& fields, std::span<const Form> form) {
  auto field = fields.begin();
  for (const Form& each : form) {
    if (field != fields.end() && field->first == each.key) {
      if (!each.takes(field->second)) return false;
      ++field;
    } else if (!each.is_optional) {
      return false;
    }
  }
  return field == fields.end();
}

const std::string* find(const LogFields& fields, std::string_view key) {
  const auto found = std::ranges::find(fields, key, &LogFields::value_type::first);
  return found == fields.end() ? nullptr : &found->second;
}
std::string text_of(const LogFields& fields, std::string_view key) {
  const std::string* const value = find(fields, key);
  return value == nullptr ? std::string() : *value;
}
template <class Number>
std::optional<Number> number_in(const LogFields& fields, std::string_view key) {
  const std::string* const value = find(fields, key);
  return value == nullptr ? std::nullopt : number_of<Number>(*value);
}

LogRecord record_of(const LogFields& fields) {
  return {number_in<uid_t>(fields, "uid"), number_in<pid_t>(fields, "pid"), text_of(fields, "req"),
          text_of(fields, "verdict"),      text_of(fields, "rule"),         text_of(fields, "errno"),
          find(fields, "late") != nullptr};
}

// No broker lives to count as far as that; beyond it numbers in JSON are not exact.
std::optional<std::uint64_t> count_of(std::string_view text) {
  constexpr std::uint64_t most = std::uint64_t{1} << 53;
  const auto count = number_of<std::uint64_t>(text);
  return count && *count <= most ? count : std::nullopt;
}
std::optional<std::uint64_t> count_in(const LogFields& fields, std::string_view key) {
  const std::string* const value = find(fields, key);
  return value == nullptr ? std::nullopt : count_of(*value);
}

// "NAME 12 NAME 3", where names are words.
using NamedCounts = std::vector<std::pair<std::string, std::uint64_t>>;
std::optional<NamedCounts> parse_counts(std::string_view detail) {
  NamedCounts counts;
  while (true) {
    const auto middle = detail.find(' ');
    if (middle == std::string_view::npos) return std::nullopt;
    const auto end = std::min(detail.find(' ', middle + 1), detail.size());
    const auto count = count_of(detail.substr(middle + 1, end - middle - 1));
    if (!is_word(detail.substr(0, middle)) || !count) return std::nullopt;
    counts.emplace_back(detail.substr(0, middle), *count);
    if (end == detail.size()) return counts;
    detail.remove_prefix(end + 1);
  }
}

bool adds_up(const NamedCounts& counts, std::uint64_t whole) {
  for (const auto& [name, count] : counts) {
    if (count > whole) return false;
    whole -= count;
  }
  return whole == 0;
}

bool take_front(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

// A count of digest.cpp's: by rule, or by verdict where there was no rule.
LogCount withheld_count(std::optional<uid_t> uid, const std::string& name, std::uint64_t count) {
  if (name == "other") return {uid, std::nullopt, std::nullopt, std::nullopt, count};
  if (is_verdict(name)) return {uid, std::nullopt, name, std::string(not_known), count};
  return {uid, std::nullopt, std::nullopt, name, count};
}

// False for counts that digest.cpp cannot have written.
bool take_counts(const LogFields& fields, LogEvent& event) {
  const std::string whole_detail = text_of(fields, "detail");
  std::string_view detail = whole_detail;
  const auto count = count_in(fields, "count");
  const auto uid = number_in<uid_t>(fields, "uid");
  const bool is_withheld = event.name == "withheld";
  if (is_withheld && !uid && !take_front(detail, "no uid: ") && !take_front(detail, "other uids: ")) return false;
  const auto counts = parse_counts(detail);
  if (!counts || !count || !adds_up(*counts, *count)) return false;
  for (const auto& [name, each] : *counts) {
    event.counts.push_back(
        is_withheld ? withheld_count(uid, name, each)
                    : LogCount{std::nullopt, name, verdict_name(Verdict::done), std::string(not_known), each});
  }
  return true;
}

std::optional<LogEvent> event_of(const LogFields& fields) {
  LogEvent event{text_of(fields, "event"), {}, {}, 0};
  if (event.name == "served" || event.name == "withheld") {
    if (!take_counts(fields, event)) return std::nullopt;
  } else if (event.name == "starts-withheld") {
    const auto count = count_in(fields, "count");
    if (!count) return std::nullopt;
    event.starts = {number_in<uid_t>(fields, "uid"), *count};
  } else if (event.name == "log-lost") {
    const auto lines = count_in(fields, "lines");
    if (!lines) return std::nullopt;
    event.lost = *lines;
  }
  return event;
}

}  // namespace

bool is_log_time(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00T00:00:00.000000Z";
  const bool has_shape =
      std::ranges::equal(text, shape, [](char c, char place) { return place == '0' ? is_digit(c) : c == place; });
  if (!has_shape) return false;
  const auto part = [&](std::size_t from, std::size_t size) { return *number_of<unsigned>(text.substr(from, size)); };
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(part(0, 4))),
                                         std::chrono::month(part(5, 2)), std::chrono::day(part(8, 2))};
  return date.ok() && part(11, 2) < 24 && part(14, 2) < 60 && part(17, 2) < 60;
}

std::optional<LogEntry> parse_log_entry(std::string_view line) {
  auto fields = parse_log_line(line);
  if (!fields) return std::nullopt;
  if (has_form(*fields, record_form)) {
    LogRecord record = record_of(*fields);
    return LogEntry{*std::move(fields), std::move(record)};
  }
  if (!has_form(*fields, event_form)) return std::nullopt;
  auto event = event_of(*fields);
  if (!event) return std::nullopt;
  return LogEntry{*std::move(fields), *std::move(event)};
}

}  // namespace secshr::admin
