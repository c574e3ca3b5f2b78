#include "admin/log/log_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

#include "admin/style.h"
#include "secshr/audit/logfmt.h"
#include "secshr/outcome.h"

namespace secshr::admin {
namespace {

constexpr int time_width = 27;

std::string field(const LogEntry& entry, std::string_view key) {
  const auto found = std::ranges::find(entry.fields, key, &LogFields::value_type::first);
  return found == entry.fields.end() ? std::string() : log_value(found->second);
}

Colour colour_of(std::string_view verdict) {
  if (verdict == verdict_name(Verdict::done)) return Colour::good;
  if (verdict == verdict_name(Verdict::refused)) return Colour::warning;
  return verdict == verdict_name(Verdict::failed) ? Colour::bad : Colour::faint;
}

std::string beginning(std::string_view time, std::string_view installation, std::string_view word, Colour colour) {
  std::string text = fmt::format("{:<{}}  ", time, time_width);
  if (!installation.empty()) text += fmt::format("{}  ", installation);
  return text + coloured(fmt::format("{:<7}", word), colour) + "  ";
}

// Who asked what about what, and why it was not done.
std::string record_text(const LogEntry& entry, const LogRecord& record, std::string_view installation) {
  const auto value = [&](std::string_view key) { return field(entry, key); };
  std::string text = beginning(entry.time(), installation, record.verdict, colour_of(record.verdict));
  text +=
      fmt::format("{:<20}  uid {:<5}  pid {:<7}  {:<8}  ", record.request, value("uid"), value("pid"), value("comm"));
  text += fmt::format("object {}", value("obj"));
  if (const auto size = value("objlen"); !size.empty()) text += fmt::format(" of {} bytes", size);
  if (value("owner") != not_known) text += fmt::format(" owner {}", value("owner"));
  if (value("mode") != not_known) text += fmt::format(" mode {}", value("mode"));
  if (record.rule != not_known) text += fmt::format("  rule {}", record.rule);
  if (record.verdict != verdict_name(Verdict::done)) text += fmt::format("  {}", record.code);
  if (record.is_late) text += fmt::format("  late: {} before, {} after", value("before"), value("after"));
  return text + fmt::format("  {} us", value("us"));
}

std::string event_text(const LogEntry& entry, const LogEvent& event, std::string_view installation) {
  std::string text = beginning(entry.time(), installation, "event", Colour::strong) + event.name;
  for (const std::string_view key : {"uid", "count", "lines"}) {
    if (const auto value = field(entry, key); !value.empty()) text += fmt::format("  {} {}", key, value);
  }
  if (const auto detail = field(entry, "detail"); !detail.empty()) text += "  " + detail;
  return text;
}

bool is_text_key(std::string_view key) {
  constexpr std::array<std::string_view, 12> keys{"ts",      "event", "detail", "comm", "req",    "obj",
                                                  "verdict", "rule",  "errno",  "mode", "before", "after"};
  return std::ranges::find(keys, key) != keys.end();
}

nlohmann::ordered_json json_value(std::string_view key, const std::string& value) {
  // A program may have that name.
  if (value == not_known && key != "comm") return nullptr;
  std::int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [rest, failed] = std::from_chars(value.data(), end, number);
  if (!is_text_key(key) && rest == end && failed == std::errc()) return number;
  return escaped(value);
}

nlohmann::ordered_json begin_json(std::string_view installation) {
  return {{"installation", installation}};
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string value = log_value(text);
  if (!value.starts_with('"')) return value;
  return value.substr(1, value.size() - 2);
}

std::string text_of(const LogEntry& entry, std::string_view installation) {
  if (const auto* const record = std::get_if<LogRecord>(&entry.what))
    return record_text(entry, *record, installation);
  return event_text(entry, std::get<LogEvent>(entry.what), installation);
}

nlohmann::ordered_json json_of(const LogEntry& entry, std::string_view installation) {
  auto json = begin_json(installation);
  for (const auto& [key, value] : entry.fields) json[key] = json_value(key, value);
  return json;
}

std::string text_of(const FileLine& odd, std::string_view installation) {
  std::string text = beginning("-", installation, "?", Colour::bad) + log_value(odd.text);
  if (odd.size > odd.text.size()) text += fmt::format("  of {} bytes", odd.size);
  if (!odd.has_ended) text += "  without its end";
  return text;
}

nlohmann::ordered_json json_of(const FileLine& odd, std::string_view installation) {
  auto json = begin_json(installation);
  json["odd_line"] = escaped(odd.text);
  json["bytes"] = odd.size;
  json["has_ended"] = odd.has_ended;
  return json;
}

}  // namespace secshr::admin
