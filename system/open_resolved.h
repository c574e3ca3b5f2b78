// openat2(2), for which glibc has no function: opens a path, and says what may not lie on the way.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "system/descriptor.h"
#include "system/uninterrupted.h"

namespace secshr {

// Never inherited; invalid with errno set. `resolve`: RESOLVE_* of linux/openat2.h.
[[nodiscard]] inline Descriptor open_resolved(int directory, const char* path, unsigned flags,
                                              std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  return Descriptor(
      static_cast<int>(uninterrupted([&] { return ::syscall(SYS_openat2, directory, path, &how, sizeof how); })));
}

}  // namespace secshr
