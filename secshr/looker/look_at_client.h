// The client itself: whether /proc says of it what the kernel said, which groups it has, and, where a file was asked
// for, that file with all of its rights.
#pragma once

#include "secshr/looker/look_message.h"
#include "secshr/looker/looker.h"
#include "secshr/looker/process_view.h"
#include "system/descriptor.h"

namespace secshr {

// `pidfd` is the client's. `file` is set where one was asked for and seen.
[[nodiscard]] LookVerdict look_at_client(const LookRequest& request, int pidfd, const LookerSetup& setup,
                                         Buffers& buffers, LookReport& report, Descriptor& file) noexcept;

}  // namespace secshr
