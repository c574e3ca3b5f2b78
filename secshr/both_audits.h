// Two logs that are told the same, one after the other.
#pragma once

#include "secshr/audit.h"

namespace secshr {

class BothAudits final : public Audit {
 public:
  BothAudits(Audit& first, Audit& second) noexcept : first_(first), second_(second) {}
  void record(const AuditRecord& record) noexcept override {
    first_.record(record);
    second_.record(record);
  }
  void event(std::string_view name, std::string_view detail) noexcept override {
    first_.event(name, detail);
    second_.event(name, detail);
  }

 private:
  Audit& first_;
  Audit& second_;
};

}  // namespace secshr
