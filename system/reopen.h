// What an open descriptor stands for, opened anew, whatever has become of its name.
#pragma once

#include <fcntl.h>

#include <array>
#include <cstdio>

#include "system/descriptor.h"
#include "system/uninterrupted.h"

namespace secshr {

// Never a controlling terminal, never inherited; invalid with errno set.
[[nodiscard]] inline Descriptor reopen(int descriptor, int flags) noexcept {
  std::array<char, 32> path{};
  (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", descriptor);
  return Descriptor(uninterrupted([&] { return ::open(path.data(), flags | O_CLOEXEC | O_NOCTTY); }));
}

}  // namespace secshr
