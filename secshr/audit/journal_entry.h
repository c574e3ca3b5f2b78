// One entry for the journal, in its native protocol: fields of any bytes, which no value can break out of. A value of
// printable ASCII stands behind "NAME="; every other one stands as it is behind its length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace secshr {

class JournalEntry {
 public:
  // `name` is ours: upper-case letters, digits and underscores.
  JournalEntry& text(std::string_view name, std::string_view value);
  JournalEntry& number(std::string_view name, std::int64_t value);
  [[nodiscard]] const std::string& view() const noexcept { return entry_; }

 private:
  std::string entry_;
};

// The way back: fields in their order, or nothing for what JournalEntry cannot have made.
using JournalFields = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<JournalFields> parse_journal_entry(std::string_view entry);

}  // namespace secshr
