// Who has a place among the directories that a broker serves, where not all can have one. Pure: nothing is opened
// here.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace secshr {

struct DirectoryUse {
  uid_t owner = 0;
  std::uint32_t idle_ms = 0;
  bool is_reserved = false;  // the administrator's, or /tmp
};

// For each of them whether it is served. `uses` begins with the newcomer's, which is served if anything is. Where
// there are not places for all, root's go before users', and those that were used last before others; no user has
// more than half of what is not reserved, unless nobody else wants it. `places` is how many there are in all,
// reserved ones included; `kept_free` are those of reserved directories that are not there now.
[[nodiscard]] std::vector<bool> allot_places(std::span<const DirectoryUse> uses, std::size_t places,
                                             std::size_t kept_free);

}  // namespace secshr
