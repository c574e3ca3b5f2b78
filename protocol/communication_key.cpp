// The low half of the first half of MurmurHash3_x64_128 over the release string.
#include "protocol/communication_key.h"

#include <murmurhash.h>

#include <array>

namespace secshr::protocol {

std::uint32_t communication_key(std::string_view release) noexcept {
  std::array<std::uint64_t, 2> hash{};
  lmmh_x64_128(release.data(), static_cast<unsigned int>(release.size()), 0, hash.data());
  return static_cast<std::uint32_t>(hash[0]);
}

}  // namespace secshr::protocol
