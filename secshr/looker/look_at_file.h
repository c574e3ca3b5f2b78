// A database file as the client has it: opened in the client's own root with the client's rights, which are in force
// here already, and its header's ids.
#pragma once

#include "secshr/looker/look_message.h"
#include "secshr/looker/looker.h"
#include "secshr/looker/process_view.h"
#include "system/descriptor.h"

namespace secshr {

// `process` is the client's directory in /proc. On LookVerdict::seen, `file` is the file, opened for reading.
[[nodiscard]] LookVerdict look_at_file(int process, const LookRequest& request, const LookerSetup& setup,
                                       Buffers& buffers, LookReport& report, Descriptor& file) noexcept;

}  // namespace secshr
