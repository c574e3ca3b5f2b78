// MurmurHash3 over the device, whose result seeds the hash over the inode; older releases used ftok(3) instead.
#include "protocol/server_key.h"

#include <murmurhash.h>

#include <bit>

namespace secshr::protocol {
namespace {

std::uint32_t hash(std::uint64_t value, std::uint32_t seed) noexcept {
  // Clients hash the number as it lies in memory, and the known keys are those of little-endian machines.
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t result = 0;
  lmmh_x86_32(&value, sizeof value, seed, &result);
  return result;
}

std::uint32_t file_key(std::uint32_t top, std::uint64_t device, std::uint64_t inode) noexcept {
  return top | (hash(inode, hash(device, 0)) & 0x00FFFFFFU);
}

}  // namespace

std::uint32_t server_key(std::uint64_t device, std::uint64_t inode) noexcept {
  return file_key(0x2E000000U, device, inode);
}

std::uint32_t database_key(std::uint64_t device, std::uint64_t inode) noexcept {
  return file_key(0x2B000000U, device, inode);
}

}  // namespace secshr::protocol
