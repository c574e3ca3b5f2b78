#include "secshr/operations/flush_header.h"

#include <cerrno>

namespace secshr {

std::expected<void, int> start_flush(const Permit<HeaderFlush>& permit, Writer& writer, std::uint64_t job,
                                     MonotonicTime deadline) noexcept {
  const HeaderFlush& flush = permit.what();
  return writer.submit({job, deadline, flush.expected, flush.wanted, flush.attached}, flush.file);
}

Outcome outcome_of_flush(const WriteReport& report) noexcept {
  switch (report.verdict) {
    case WriteVerdict::written:
      return {Verdict::done, rule::none, 0};
    case WriteVerdict::changed:
      return {Verdict::failed, rule::none, EBUSY};
    case WriteVerdict::refused:
      return {Verdict::refused, rule::header_type, EPERM};
    case WriteVerdict::too_late:
      return {Verdict::failed, rule::none, ETIMEDOUT};
    case WriteVerdict::failed:
      // EAGAIN: somebody holds a lease on the file.
      if (report.error == EAGAIN) return {Verdict::failed, rule::none, EBUSY};
      return {Verdict::failed, rule::none, report.error != 0 ? report.error : EIO};
  }
  return {Verdict::failed, rule::none, EIO};
}

}  // namespace secshr
