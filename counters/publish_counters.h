// The writer's side of the counters page. The broker counts in a struct of its own and publishes it as a whole, once
// a turn of its loop, so that readers see each turn complete or not at all.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstdint>
#include <expected>
#include <utility>

#include "counters/counters_page.h"

namespace secshr {

class CountersPage {
 public:
  // No page: what is published goes nowhere.
  CountersPage() = default;

  // Makes the file `counters` in `directory` (a descriptor of a directory where only we may write), 0644 and the
  // caller's. It appears under its name whole, with `first` in it; whoever reads the one that had the name before
  // keeps that. An errno where there is none.
  [[nodiscard]] static std::expected<CountersPage, int> create(int directory, const Counters& first) noexcept;

  // Some fifty stores to memory that is there, whatever becomes of the file system.
  void publish(const Counters& counters) noexcept;

 private:
  explicit CountersPage(boost::interprocess::mapped_region region) noexcept : region_(std::move(region)) {}

  boost::interprocess::mapped_region region_;
  std::uint64_t sequence_ = 0;
};

}  // namespace secshr
