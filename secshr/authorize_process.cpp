// Which processes may be woken or continued: those of the adopted installation, whoever asks.
#include <cerrno>

#include "secshr/authorize.h"

namespace secshr {
namespace {

std::optional<Denied> denial_of_process(const LookReport& report) noexcept {
  if (report.verdict == LookVerdict::peer_gone) return Denied{rule::process_installation, ESRCH};
  if (report.verdict != LookVerdict::seen) return Denied{rule::process_installation, EPERM};
  if (!report.runs_installation) return Denied{rule::process_installation, EPERM, ObjectFacts{report.owner}};
  return std::nullopt;
}

}  // namespace

Authorizer::Decision Authorizer::wake(const Evidence& evidence) noexcept {
  const LookReport& report = evidence.seen->report;
  if (const auto denial = denial_of_process(report)) return std::unexpected(*denial);
  // Whoever does not catch SIGALRM dies of it.
  if (!report.catches_alarm) return std::unexpected(Denied{rule::wake_caught, EPERM, ObjectFacts{report.owner}});
  return Permit<ProcessWake>({evidence.process});
}

Authorizer::Decision Authorizer::resume(const Evidence& evidence) noexcept {
  if (const auto denial = denial_of_process(evidence.seen->report)) return std::unexpected(*denial);
  return Permit<ProcessContinue>({evidence.process});
}

}  // namespace secshr
