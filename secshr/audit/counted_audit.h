// Counts every record on its way.
#pragma once

#include "counters/counters_page.h"
#include "secshr/audit/audit.h"
#include "secshr/audit/counting.h"

namespace secshr {

class CountedAudit final : public Audit {
 public:
  CountedAudit(Audit& next, Counters& counters) noexcept : next_(next), counters_(counters) {}
  Ticket record(const AuditRecord& record) noexcept override {
    count(counters_, record);
    return next_.record(record);
  }
  void event(std::string_view name, std::string_view detail) noexcept override { next_.event(name, detail); }
  void summary(const AuditSummary& summary) noexcept override { next_.summary(summary); }
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return next_.has_written(ticket); }

 private:
  Audit& next_;
  Counters& counters_;
};

}  // namespace secshr
