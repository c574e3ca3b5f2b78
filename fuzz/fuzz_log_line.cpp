// Any bytes as values that go into the log, and as a line that comes out of one: copies of the log are their users'
// files.
//
// 1. Any value gives one line of printable ASCII that reads back as what was put in, between neighbours that it
// leaves
//    alone; so it is with an entry of the journal, and with the message that takes a line to who writes it.
// 2. A line that is taken apart is the one that its parts make: each value has one spelling.
// 3. What secshrctl shows of a line, or of what is none, is one printable line; its JSON is what was shown, and
// ASCII.
// 4. A filter for what an entry says finds it, one for something else does not; a summary counts each request once.
// 5. A time that is taken is in the log's form, and stays as it is.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/log/log_entry.h"
#include "admin/log/log_filter.h"
#include "admin/log/log_summary.h"
#include "admin/log/log_text.h"
#include "admin/log/log_time.h"
#include "fuzz/property.h"
#include "secshr/audit/journal_entry.h"
#include "secshr/audit/line_message.h"
#include "secshr/audit/logfmt.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

// Pieces of the input, each behind its length.
std::vector<std::string_view> values_of(std::string_view input) {
  std::vector<std::string_view> values;
  while (!input.empty()) {
    const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(input[0]), input.size() - 1);
    values.push_back(input.substr(1, size));
    input.remove_prefix(1 + size);
  }
  return values;
}

void check_message(std::string_view line) {
  static std::vector<std::byte> out(line_message_size);
  const LineMessage message{77, 78, line};
  const std::size_t size = encode_line_message(message, out);
  require((size == 0) == (line.size() > longest_line), "a line that is not too long is a message");
  if (size == 0) return;
  const auto back = decode_line_message(std::span(out).first(size));
  require(back && back->line == line && back->ticket == 77 && back->lost == 78, "and comes back");
}

void check_values(const std::vector<std::string_view>& values) {
  LogLine line;
  LogFields expected;
  JournalEntry entry;
  const auto add = [&](std::string_view key, std::string_view value) {
    line.text(key, value);
    entry.text(key, value);
    expected.emplace_back(key, value);
  };
  add("BEFORE", "x");
  for (const std::string_view value : values) {
    add("KEY", value);
    const std::string alone = log_value(value);
    require(LogLine().text("k", value).view() == "k=" + alone, "a value alone is the same");
    require(alone.find(admin::escaped(value)) != alone.npos && is_printable_line(alone), "with quotes or without");
  }
  line.number("AFTER", INT64_MIN).octal("MODE", 0640).unknown("NOT");
  expected.emplace_back("AFTER", "-9223372036854775808");
  expected.emplace_back("MODE", "0640");
  expected.emplace_back("NOT", "-");
  require(is_printable_line(line.view()), "one printable line");
  require(parse_log_line(line.view()) == expected, "that reads back as what was put in");

  entry.number("AFTER", 7);
  expected.resize(expected.size() - 3);
  expected.emplace_back("AFTER", "7");
  require(parse_journal_entry(entry.view()) == expected, "so for the journal");
  check_message(line.view());
}

void check_is_its_parts(std::string_view line) {
  if (const auto fields = parse_log_line(line)) {
    LogLine again;
    for (const auto& [key, value] : *fields) again.text(key, value);
    require(again.view() == line && is_printable_line(line), "a line is what its parts make");
  }
  if (const auto fields = parse_journal_entry(line)) {
    JournalEntry again;
    for (const auto& [name, value] : *fields) again.text(name, value);
    require(again.view() == line, "an entry is what its parts make");
  }
}

template <typename Line>
void check_shown(const Line& line) {
  const std::string text = admin::text_of(line, "name");
  require(is_printable_line(text), "what is shown is one printable line");
  const auto json = admin::json_of(line, "name");
  const std::string dumped = json.dump();
  require(is_printable_line(dumped), "so is its JSON");
  require(nlohmann::ordered_json::parse(dumped) == json, "which is what was shown");
}

// What a broker has not counted is not counted here.
void check_counted(const admin::LogEntry& entry) {
  admin::LogSummary summary;
  summary.add(entry, {});
  const auto groups = summary.groups();
  std::uint64_t sum = summary.others.all();
  for (const auto& group : groups) sum += group.count.all();
  std::uint64_t told = 0;
  if (const auto* const event = std::get_if<admin::LogEvent>(&entry.what)) {
    for (const auto& count : event->counts) told += count.count;
    require(told <= std::uint64_t{1} << 53, "as many as JSON has numbers for");
  } else {
    told = std::get<admin::LogRecord>(entry.what).is_late ? 0 : 1;
  }
  require(sum == told && summary.requests.all() == told, "each request is counted once");
  summary.add(entry, {});
  require(summary.requests.all() == told && summary.repeated == 1, "and a line that comes twice once, too");
}

void check_filter(const admin::LogEntry& entry) {
  require(admin::is_wanted({}, entry), "nothing wanted is everything");
  require(admin::is_in_time({.since = entry.time()}, entry) && !admin::is_in_time({.until = entry.time()}, entry),
          "from a time on, and up to it");
  const auto* const record = std::get_if<admin::LogRecord>(&entry.what);
  if (record == nullptr) return;
  const admin::LogFilter same{.uid = record->uid,
                              .pid = record->pid,
                              .request = record->request,
                              .verdict = record->verdict,
                              .rule = record->rule};
  require(admin::is_wanted(same, entry), "what an entry says finds it");
  admin::LogFilter other = same;
  other.rule = record->rule + "x";
  require(!admin::is_wanted(other, entry), "something else does not");
  other = same;
  other.uid = record->uid.value_or(0) + 1;
  require(!admin::is_wanted(other, entry), "nor somebody else");
}

void check_line(std::string_view line) {
  check_is_its_parts(line);
  if (const auto entry = admin::parse_log_entry(line)) {
    require(parse_log_line(line) == entry->fields && admin::is_log_time(entry->time()),
            "an entry is a line with a time");
    check_shown(*entry);
    check_counted(*entry);
    check_filter(*entry);
  } else {
    check_shown(admin::FileLine{line, line.size(), true});
  }
  check_shown(admin::FileLine{line, line.size() + 1, false});
}

void check_time(std::string_view text) {
  const admin::LogTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + std::chrono::hours(13)};
  const auto time = admin::parse_log_time(text, now);
  if (!time) return;
  require(admin::is_log_time(*time), "a time is in the log's form");
  require(admin::parse_log_time(*time, now) == time, "and stays as it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  check_values({input});
  check_values(values_of(input));
  check_line(input);
  check_time(input);
  return 0;
}
