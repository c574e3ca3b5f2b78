// Processes that do the same at the same time: each measures, and what they have measured comes together.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

#include "bench/client_socket.h"

namespace secshr::bench {

struct Measured {
  std::vector<Duration> latencies;  // sorted; of all processes
  std::size_t failures = 0;
  Duration took{};  // from the common start to the last one's end
};

// One process's own part: note() each thing it has done, until done().
class Part {
 public:
  virtual ~Part() = default;
  virtual void note(std::optional<Duration> latency) = 0;
  // Whether the time is up or the number is reached.
  [[nodiscard]] virtual bool done() = 0;
  // Waits for all the others; what was prepared before is not measured.
  virtual void start_together() = 0;
};

struct Extent {
  std::size_t processes = 1;
  std::chrono::milliseconds time{0};  // 0: until each has done `times`
  std::size_t times = 0;
};

// `task` runs in each process, with its index.
[[nodiscard]] Measured run_crowd(const Extent& extent, const std::function<void(std::size_t, Part&)>& task);

// One line: rate per second and latencies in microseconds.
void print(const Measured& measured);

}  // namespace secshr::bench
