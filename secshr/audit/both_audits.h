// Two that are told the same; the first is the record, and its tickets count.
#pragma once

#include "secshr/audit/audit.h"

namespace secshr {

class BothAudits final : public Audit {
 public:
  BothAudits(Audit& first, Audit& second) noexcept : first_(first), second_(second) {}
  Ticket record(const AuditRecord& record) noexcept override {
    (void)second_.record(record);
    return first_.record(record);
  }
  void event(std::string_view name, std::string_view detail) noexcept override {
    first_.event(name, detail);
    second_.event(name, detail);
  }
  void summary(const AuditSummary& summary) noexcept override {
    first_.summary(summary);
    second_.summary(summary);
  }
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return first_.has_written(ticket); }

 private:
  Audit& first_;
  Audit& second_;
};

}  // namespace secshr
