#include "secshr/audit/journal_entry.h"

#include <algorithm>
#include <climits>

namespace secshr {
namespace {

// Of the length: 64 bits, little-endian.
constexpr std::size_t length_size = 8;

constexpr bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}
constexpr bool is_of_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void append_length(std::string& out, std::uint64_t length) {
  for (std::size_t byte = 0; byte < length_size; ++byte, length >>= CHAR_BIT) {
    out += static_cast<char>(length & UCHAR_MAX);
  }
}

std::uint64_t length_of(std::string_view bytes) {
  std::uint64_t length = 0;
  for (std::size_t byte = length_size; byte-- > 0;)
    length = length << CHAR_BIT | static_cast<unsigned char>(bytes[byte]);
  return length;
}

// Takes a value that begins with its length, and the newline behind it, off the front.
std::optional<std::string_view> take_binary(std::string_view& entry) {
  if (entry.size() < length_size) return std::nullopt;
  const std::uint64_t length = length_of(entry);
  entry.remove_prefix(length_size);
  if (length >= entry.size() || entry[length] != '\n') return std::nullopt;
  const std::string_view value = entry.substr(0, length);
  entry.remove_prefix(length + 1);
  return value;
}

std::optional<std::string_view> take_line(std::string_view& entry) {
  const auto end = entry.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = entry.substr(0, end);
  entry.remove_prefix(end + 1);
  return value;
}

}  // namespace

JournalEntry& JournalEntry::text(std::string_view name, std::string_view value) {
  entry_ += name;
  if (std::ranges::all_of(value, is_printable)) {
    entry_ += '=';
  } else {
    entry_ += '\n';
    append_length(entry_, value.size());
  }
  entry_ += value;
  entry_ += '\n';
  return *this;
}

JournalEntry& JournalEntry::number(std::string_view name, std::int64_t value) {
  return text(name, std::to_string(value));
}

std::optional<JournalFields> parse_journal_entry(std::string_view entry) {
  const std::string_view whole = entry;
  JournalFields fields;
  JournalEntry again;
  while (!entry.empty()) {
    const std::string_view name(entry.begin(), std::ranges::find_if_not(entry, is_of_name));
    entry.remove_prefix(name.size());
    if (name.empty() || entry.empty()) return std::nullopt;
    const char separator = entry.front();
    if (separator != '=' && separator != '\n') return std::nullopt;
    entry.remove_prefix(1);
    const auto value = separator == '=' ? take_line(entry) : take_binary(entry);
    if (!value) return std::nullopt;
    again.text(name, *value);
    fields.emplace_back(name, *value);
  }
  if (again.view() != whole) return std::nullopt;  // each value has one form
  return fields;
}

}  // namespace secshr
