#include "tests/hammer/log_tail.h"

#include <gtest/gtest.h>

#include <fstream>

#include "secshr/audit/logfmt.h"

namespace secshr::test {

std::vector<LogRecord> LogTail::take() {
  std::vector<LogRecord> lines;
  std::ifstream file(log_file, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset_));
  for (std::string line; std::getline(file, line) && !file.eof();) {
    offset_ += line.size() + 1;
    const auto fields = parse_log_line(line);
    EXPECT_TRUE(fields.has_value()) << "not a line of the log's grammar: " << testing::PrintToString(line);
    if (fields) lines.emplace_back(fields->begin(), fields->end());
  }
  return lines;
}

}  // namespace secshr::test
