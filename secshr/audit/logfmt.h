// One line of `key=value` pairs that no value can break out of. A value of plain characters stands as it is; every
// other one is quoted, with each byte outside printable ASCII, each quote and each backslash escaped. Bytes above
// 0x7f are escaped too: control codes and direction marks of any encoding hide there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace secshr {

class LogLine {
 public:
  LogLine& text(std::string_view key, std::string_view value);
  LogLine& number(std::string_view key, std::int64_t value);
  LogLine& octal(std::string_view key, unsigned value);
  // The field's word for "not known".
  LogLine& unknown(std::string_view key) { return text(key, "-"); }
  [[nodiscard]] const std::string& view() const noexcept { return line_; }

 private:
  void key(std::string_view name);
  std::string line_;
};

// A value as text() has it, to stand among other words.
[[nodiscard]] std::string log_value(std::string_view value);

// UTC with microseconds, for people and for sorting.
[[nodiscard]] std::string log_timestamp(std::chrono::sys_time<std::chrono::microseconds> time);
[[nodiscard]] std::string log_timestamp();  // now

// The way back: pairs in their order, or nothing for a line that LogLine cannot have made.
using LogFields = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<LogFields> parse_log_line(std::string_view line);

}  // namespace secshr
