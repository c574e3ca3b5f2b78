#include "secshr/operations/continue_process.h"

#include <cerrno>
#include <csignal>

namespace secshr {

Outcome continue_process(Kernel& kernel, const Permit<ProcessContinue>& permit) noexcept {
  const auto sent = kernel.signal_process(permit.what().pidfd, SIGCONT);
  // What has ended needs no continuing, as for one that had ended before.
  if (!sent && sent.error() == ESRCH) return {Verdict::done, rule::none, 0};
  return outcome_of(sent);
}

}  // namespace secshr
