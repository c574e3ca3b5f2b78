// Races: names that are exchanged all the time, and how long they are asked about.
#pragma once

#include <chrono>
#include <string>

#include "tests/support/run_as.h"

namespace secshr::test {

// Goes on for a second, or for as many as SECSHR_RACE_SECONDS in the environment says: a minute on request, and less
// than the two minutes that ctest gives a case. Never less than `least_rounds`, so that a busy machine plays it, too.
class Race {
 public:
  explicit Race(int least_rounds);
  // Begins the next round, if there is one more.
  [[nodiscard]] bool next();
  // The one under way, from 1.
  [[nodiscard]] int round() const { return round_; }

 private:
  int least_rounds_;
  int round_ = 0;
  std::chrono::steady_clock::time_point end_;
};

// While it lives, a process exchanges the two names as fast as it can.
class ExchangeLoop {
 public:
  ExchangeLoop(const Identity& identity, const std::string& one, const std::string& other);
  ExchangeLoop(const ExchangeLoop&) = delete;
  ExchangeLoop& operator=(const ExchangeLoop&) = delete;
  ~ExchangeLoop();

 private:
  pid_t pid_;
};

}  // namespace secshr::test
