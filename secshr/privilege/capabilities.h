// libcap's state, owned.
#pragma once

#include <sys/capability.h>

#include <memory>
#include <type_traits>

namespace secshr {

struct FreeCapabilities {
  void operator()(cap_t state) const noexcept { (void)cap_free(state); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

}  // namespace secshr
