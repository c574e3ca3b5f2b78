// What secshr_open makes: fixed from then on, so that threads share it without a lock.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "protocol/limits.h"
#include "protocol/profile.h"

namespace secshr::client {

struct Handle {
  const protocol::Profile* profile = nullptr;
  std::array<char, 4096> wrapper{};  // its path
  std::array<char, protocol::maximum_directory + 1> directory{};
  std::array<char, 4096 + 64> log{};  // the variable for a broker that is started, "gtm_log=..."; empty: none
  std::uint32_t communication_key = 0;
  std::chrono::milliseconds reply_timeout{};
  unsigned attempts = 0;
};

}  // namespace secshr::client
