// The looker: opens database files as the client, and reads /proc as the process that it looks at, so that what those
// cannot reach cannot be reached through it. It holds SETUID and SETGID and nothing else, and writes nowhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "secshr/helper_pool.h"
#include "secshr/looker/mapped_identity.h"
#include "secshr/looker/proc_maps.h"

namespace secshr {

// What the looker must know and can no longer find out once it has dropped its privileges.
struct LookerSetup {
  dev_t ipc_namespace_device = 0;
  ino_t ipc_namespace_inode = 0;
  std::vector<MappedFile> kernels_own;  // the file systems that the kernel keeps segments in
  std::vector<Program> programs;        // of the adopted installation; pinned in the process that prepared this
};
// `installation` is the installation's directory.
[[nodiscard]] std::optional<LookerSetup> prepare_looker(const std::string& installation);

// One worker's life: serves look requests from the channel until it closes.
void serve_looks(const LookerSetup& setup, int channel, BusyMark& busy) noexcept;

}  // namespace secshr
