#include "tests/hammer/mutation.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

namespace secshr::test {
namespace {

constexpr std::array<std::size_t, 20> lengths{0,  1,  4,  9,  23,   24,   25,   27,   28,    29,
                                              60, 61, 62, 63, 4159, 4160, 4161, 8192, 65536, 150000};
constexpr std::array<std::int32_t, 12> numbers{0,
                                               1,
                                               -1,
                                               2,
                                               127,
                                               255,
                                               0x100,
                                               0x200,
                                               0x8000,
                                               4100,
                                               std::numeric_limits<std::int32_t>::max(),
                                               std::numeric_limits<std::int32_t>::min()};

void fill_up(Random& random, Bytes& datagram, std::size_t size) {
  const std::size_t before = datagram.size();
  datagram.resize(size);
  for (std::size_t index = before; index < size; ++index) datagram[index] = static_cast<std::byte>(random.below(256));
}

void flip_bits(Random& random, Bytes& datagram, std::size_t most) {
  if (datagram.empty()) return;
  for (std::size_t left = 1 + random.below(most); left > 0; --left) {
    random.pick(datagram) ^= static_cast<std::byte>(1U << random.below(8));
  }
}

void change_number(Random& random, Bytes& datagram) {
  if (datagram.size() < sizeof(std::int32_t)) return;
  const std::size_t offset = random.below(datagram.size() / sizeof(std::int32_t)) * sizeof(std::int32_t);
  std::int32_t number = 0;
  std::memcpy(&number, datagram.data() + offset, sizeof number);
  number = random.one_in(3) ? number ^ 1 : random.pick(numbers);
  std::memcpy(datagram.data() + offset, &number, sizeof number);
}

}  // namespace

void mutate(Random& random, Bytes& datagram) {
  switch (random.below(7)) {
    case 0:
      return flip_bits(random, datagram, 1);
    case 1:
      return flip_bits(random, datagram, 8);
    case 2:
      return change_number(random, datagram);
    case 3:
      if (!datagram.empty()) random.pick(datagram) = static_cast<std::byte>(random.below(256));
      return;
    case 4:
      return datagram.resize(random.below(datagram.size() + 1));
    case 5:
      return fill_up(random, datagram, datagram.size() + 1 + random.below(64));
    default:
      return fill_up(random, datagram, random.pick(lengths));
  }
}

}  // namespace secshr::test
