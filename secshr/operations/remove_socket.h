// Remove a leftover socket file past the sticky bit, with the rights of the client.
#pragma once

#include "secshr/authorize.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/permit.h"

namespace secshr {

[[nodiscard]] Outcome remove_socket(Kernel& kernel, const Permit<SocketRemoval>& permit) noexcept;

}  // namespace secshr
