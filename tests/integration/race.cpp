#include "tests/integration/race.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace secshr::test {
namespace {

// The one place that reads SECSHR_RACE_SECONDS: how long each race goes on, in whole seconds from 1 to 100.
std::chrono::seconds race_time() {
  const char* const text = std::getenv("SECSHR_RACE_SECONDS");
  if (text == nullptr) return std::chrono::seconds(1);
  const int seconds = std::atoi(text);
  EXPECT_TRUE(seconds >= 1 && seconds <= 100) << "SECSHR_RACE_SECONDS=" << text;
  return std::chrono::seconds(seconds);
}

}  // namespace

Race::Race(int least_rounds) : least_rounds_(least_rounds), end_(std::chrono::steady_clock::now() + race_time()) {}

bool Race::next() {
  if (round_ >= least_rounds_ && std::chrono::steady_clock::now() >= end_) return false;
  ++round_;
  return true;
}

ExchangeLoop::ExchangeLoop(const Identity& identity, const std::string& one, const std::string& other)
    : pid_(start_as(identity, {"/bin/true",
                               {"true"},
                               {},
                               [&] {
                                 while (true) {
                                   (void)::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
                                 }
                               }})
               .pid()) {}

ExchangeLoop::~ExchangeLoop() {
  EXPECT_EQ(::kill(pid_, SIGKILL), 0);
  EXPECT_EQ(wait_for(pid_), killed_by(SIGKILL));
}

}  // namespace secshr::test
