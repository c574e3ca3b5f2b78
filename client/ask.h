// One question to the broker, with whatever it takes to get an answer.
#pragma once

#include "client/handle.h"
#include "protocol/request.h"

namespace secshr::client {

// 0, or a negative errno value that is explained. Asked again where nobody answers in time, and where the broker ends
// before it has answered; starts one where nobody serves.
[[nodiscard]] int ask(const Handle& handle, const protocol::Request& request) noexcept;

}  // namespace secshr::client
