// What a broker's reply that is not 0 means to whoever asked: which rule, and what to do about it.
#pragma once

#include "client/handle.h"
#include "protocol/reply.h"

namespace secshr::client {

// Explained; the negative errno value that the caller gets.
[[nodiscard]] int explain_refusal(const protocol::Reply& reply) noexcept;

}  // namespace secshr::client
