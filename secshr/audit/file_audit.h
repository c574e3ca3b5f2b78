// The audit log's lines: logfmt with the pinned keys, which no client's string can break out of.
#pragma once

#include <cstdint>

#include "secshr/audit/audit.h"
#include "secshr/audit/log.h"
#include "secshr/audit/logfmt.h"

namespace secshr {

class FileAudit final : public Audit {
 public:
  explicit FileAudit(Log& log) noexcept : log_(log) {}
  Ticket record(const AuditRecord& record) noexcept override;
  void event(std::string_view name, std::string_view detail) noexcept override;
  void summary(const AuditSummary& summary) noexcept override;
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return log_.has_written(ticket); }

 private:
  [[nodiscard]] LogLine begin();

  Log& log_;
  std::uint64_t sequence_ = 0;  // of this broker's lines: a gap shows what was lost
};

}  // namespace secshr
