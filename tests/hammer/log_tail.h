// The audit log as it grows: each line once, and every one of the log's own grammar.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/broker_fixture.h"

namespace secshr::test {

class LogTail {
 public:
  // Whole lines that have come since the last call.
  std::vector<LogRecord> take();

 private:
  std::uint64_t offset_ = 0;
};

}  // namespace secshr::test
