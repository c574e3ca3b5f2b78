#include "secshr/start/directory_places.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace secshr {

std::vector<bool> allot_places(std::span<const DirectoryUse> uses, std::size_t places, std::size_t kept_free) {
  std::vector<bool> served(uses.size());
  const auto reserved = static_cast<std::size_t>(std::ranges::count_if(uses, &DirectoryUse::is_reserved)) + kept_free;
  std::size_t left = places > reserved ? places - reserved : 0;
  const std::size_t share = std::max<std::size_t>(left / 2, 1);

  std::vector<std::size_t> order(uses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t index) {
    const DirectoryUse& use = uses[index];
    return std::tuple(index != 0, use.owner != 0, use.idle_ms, index);
  });
  std::map<uid_t, std::size_t> of_user;
  for (const bool beyond_the_share : {false, true}) {
    for (const std::size_t index : order) {
      const DirectoryUse& use = uses[index];
      if (use.is_reserved) served[index] = true;
      if (served[index] || left == 0) continue;
      if (use.owner != 0 && !beyond_the_share && of_user[use.owner] >= share) continue;
      served[index] = true;
      ++of_user[use.owner];
      --left;
    }
  }
  return served;
}

}  // namespace secshr
