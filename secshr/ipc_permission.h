// The kernel's own permission check for System V objects, for somebody who is not here to ask it.
#pragma once

#include "secshr/kernel.h"

namespace secshr {

// What one may do: the bits of one class of the mode, as in 06.
inline constexpr unsigned ipc_alter = 02;
inline constexpr unsigned ipc_read_write = 06;

// By the owner's or creator's uid, else by the owner's or creator's group, else as anybody. As in the kernel, the
// first class that fits decides, and capabilities are no part of it: whoever has those needs no broker.
[[nodiscard]] bool ipc_permits(const IpcObject& object, const Rights& rights, unsigned wanted) noexcept;

}  // namespace secshr
