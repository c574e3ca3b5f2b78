// The process that a request to wake or continue one names.
#pragma once

#include <sys/types.h>

#include <expected>

#include "protocol/request.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "system/descriptor.h"

namespace secshr {

// 0 for any other request.
[[nodiscard]] pid_t named_process(const protocol::Request& request) noexcept;

// A pidfd of it, held before it is looked at: what is signalled is what was seen. To continue what has ended is done
// already, as stock clients are told.
[[nodiscard]] std::expected<Descriptor, Outcome> open_named_process(Kernel& kernel,
                                                                    const protocol::Request& request) noexcept;

}  // namespace secshr
