// How often users may have a broker taken over for a directory of theirs: each time costs everybody some
// milliseconds. Kept in a file of root's, since each start is a process of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

namespace secshr {

struct PastTakeover {
  std::uint32_t uid = 0;
  std::uint64_t second = 0;  // since the system was booted; 0: none
};

// Whether that user may now, with these having been.
[[nodiscard]] bool may_take_over(std::span<const PastTakeover> past, uid_t uid, std::uint64_t now) noexcept;

// The same with the file `takeovers` of a root-controlled directory, where this one is noted down if it may be. For
// one starter at a time. Where the file is of no use nobody but root may.
[[nodiscard]] bool note_takeover(int directory, uid_t uid) noexcept;

}  // namespace secshr
