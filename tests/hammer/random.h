// Choices that a seed repeats, on every machine: the standard's distributions are each library's own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace secshr::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // From 0 to count - 1.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <typename Range>
  auto& pick(Range& range) {
    return range[below(range.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace secshr::test
