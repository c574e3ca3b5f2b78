// Any bytes as the counters page, which monitoring maps: a broker of another release may have written it, or died
// over it.
//
// 1. Counters come of a page of this very layout that nobody is writing to, and are the words of it in their order.
// 2. Everything else is told apart: another layout at once, an unfinished page after a moment.
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "counters/counters_page.h"
#include "counters/read_counters.h"
#include "fuzz/property.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

void check(const std::vector<std::uint64_t>& words) {
  const bool has_layout = words.size() == 4 + counters_words && std::memcmp(words.data(), "secshrCP", 8) == 0 &&
                          words[1] == 2 && words[2] == 8 * words.size();
  const bool is_unfinished = has_layout && words[3] % 2 != 0;
  // The reader's patience is some tenths of a second: tried once.
  static bool has_waited = false;
  if (is_unfinished && has_waited) return;
  has_waited = has_waited || is_unfinished;
  const auto counters = read_counters_page(words);
  require(counters.has_value() == (has_layout && !is_unfinished), "counters come of a finished page");
  if (!counters) {
    require(counters.error() == (is_unfinished ? EAGAIN : EBADMSG), "and else it is told why there are none");
    return;
  }
  const auto copy = std::bit_cast<std::array<std::uint64_t, counters_words>>(*counters);
  require(std::memcmp(copy.data(), words.data() + 4, sizeof copy) == 0, "the words of the page");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> words(size / sizeof(std::uint64_t));
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof words[0]);
  check(words);
  if (words.size() < 4) return 0;
  // The same with the size that belongs to it, and finished.
  words.resize(4 + counters_words);
  words[3] &= ~std::uint64_t{1};
  check(words);
  return 0;
}
