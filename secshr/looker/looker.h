// The looker: opens database files and reads /proc as the client, so that what the client cannot reach cannot be
// reached through it. It holds SETUID and SETGID and nothing else, and writes nowhere.
#pragma once

#include "secshr/helper_pool.h"
#include "secshr/looker/proc_maps.h"

namespace secshr {

// What the looker must know and can no longer find out once it has dropped its privileges.
struct LookerSetup {
  dev_t ipc_namespace_device = 0;
  ino_t ipc_namespace_inode = 0;
  MappedFile kernel_tmpfs;  // where the kernel keeps segments; the path is not used
};
[[nodiscard]] std::optional<LookerSetup> prepare_looker() noexcept;

// One worker's life: serves look requests from the channel until it closes.
void serve_looks(const LookerSetup& setup, int channel, BusyMark& busy) noexcept;

}  // namespace secshr
