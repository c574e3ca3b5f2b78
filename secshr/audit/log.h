// Where the lines of the audit log go.
#pragma once

#include <string_view>

#include "secshr/audit/audit.h"

namespace secshr {

// What may be lost first where there is too much: a change is never given up for what only its sender pays for.
enum class Importance : bool { routine, change };

class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log() = default;
  // Without a newline. Never waits for a disk but where that is its only way.
  virtual Ticket write(std::string_view line, Importance importance) noexcept = 0;
  [[nodiscard]] virtual bool has_written(Ticket ticket) const noexcept = 0;
  // A line that could not even be made.
  virtual void count_lost() noexcept = 0;
};

}  // namespace secshr
