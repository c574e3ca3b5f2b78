// A process that a client names, not as the client but as that process itself: whether it runs the adopted
// installation, and whether a SIGALRM would wake or kill it.
#pragma once

#include <sys/types.h>

#include "secshr/looker/look_message.h"
#include "secshr/looker/looker.h"
#include "secshr/looker/process_view.h"

namespace secshr {

// `pidfd` is the process's.
[[nodiscard]] LookVerdict look_at_process(pid_t pid, int pidfd, const LookerSetup& setup, Buffers& buffers,
                                          LookReport& report) noexcept;

}  // namespace secshr
