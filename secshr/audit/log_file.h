// The audit log's file, written to directly. A failing disk never stops service: what could not be written is
// counted, and the next line that can be says how many.
#pragma once

#include <cstdint>
#include <memory>

#include "secshr/audit/log.h"
#include "system/descriptor.h"

namespace spdlog {
class logger;
}

namespace secshr {

class LogFile final : public Log {
 public:
  // A descriptor that the starter opened in a root-controlled directory: for appending, and for reading how it ends.
  explicit LogFile(Descriptor file);
  ~LogFile() override;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  // 0: write(2) has returned.
  Ticket write(std::string_view line, Importance importance) noexcept override;
  [[nodiscard]] bool has_written(Ticket /*ticket*/) const noexcept override { return true; }
  void count_lost() noexcept override { count_lost(1); }
  // Lines that were lost elsewhere.
  void count_lost(std::uint64_t lines) noexcept;
  // How many were lost here, because they could not be written.
  [[nodiscard]] std::uint64_t refused() const noexcept;

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace secshr
