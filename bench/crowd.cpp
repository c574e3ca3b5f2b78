#include "bench/crowd.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <span>

namespace secshr::bench {
namespace {

// What one process can measure before it stops noting: beyond any rate here for beyond any time.
constexpr std::size_t room = std::size_t{1} << 22;

// In memory that all share: the start gun, and each one's results.
struct Shared {
  std::atomic<std::size_t> ready{0};
  std::atomic<std::int64_t> begins_at{0};  // of Clock; 0: not yet
};
struct Results {
  std::atomic<std::size_t> count{0};
  std::atomic<std::size_t> failures{0};
  std::int64_t ended_at = 0;
  std::uint32_t nanoseconds[room];
};

template <typename Kind>
Kind* map_shared(std::size_t count) {
  void* const memory = ::mmap(nullptr, count * sizeof(Kind), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return static_cast<Kind*>(memory);  // zeroes, which is what all of it begins with
}

std::int64_t now() {
  return Clock::now().time_since_epoch() / Duration(1);
}

class OneOfMany final : public Part {
 public:
  OneOfMany(const Extent& extent, Shared& shared, Results& results)
      : extent_(extent), shared_(shared), results_(results) {}

  void start_together() override {
    ++shared_.ready;
    while (shared_.begins_at == 0) (void)::usleep(100);
    while (now() < shared_.begins_at) {
    }
  }
  void note(std::optional<Duration> latency) override {
    if (!latency) {
      ++results_.failures;
      return;
    }
    const std::size_t count = results_.count;
    if (count == room) return;
    constexpr Duration::rep most = UINT32_MAX;
    results_.nanoseconds[count] = static_cast<std::uint32_t>(std::min(latency->count(), most));
    results_.count = count + 1;
    results_.ended_at = now();
  }
  bool done() override {
    if (extent_.time.count() == 0) return results_.count + results_.failures >= extent_.times;
    return Duration(now() - shared_.begins_at) >= extent_.time || results_.failures > 100;
  }

 private:
  const Extent& extent_;
  Shared& shared_;
  Results& results_;
};

void run_one(const Extent& extent, Shared& shared, Results& results, std::size_t index,
             const std::function<void(std::size_t, Part&)>& task) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  OneOfMany part(extent, shared, results);
  task(index, part);
}

Duration percentile(const std::vector<Duration>& sorted, double part) {
  if (sorted.empty()) return Duration(0);
  const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted[std::min(place, sorted.size() - 1)];
}

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

Measured run_crowd(const Extent& extent, const std::function<void(std::size_t, Part&)>& task) {
  auto* const shared = map_shared<Shared>(1);
  auto* const results = map_shared<Results>(extent.processes);
  std::vector<pid_t> children;
  for (std::size_t index = 0; index < extent.processes; ++index) {
    const pid_t child = ::fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      run_one(extent, *shared, results[index], index, task);
      std::_Exit(0);
    }
    children.push_back(child);
  }
  // Whoever could not be prepared has ended, and said why.
  while (shared->ready < extent.processes) {
    int status = 0;
    if (::waitpid(-1, &status, WNOHANG) > 0) std::_Exit(2);
    (void)::usleep(1000);
  }
  const std::int64_t begins_at = now() + Duration(std::chrono::milliseconds(20)).count();
  shared->begins_at = begins_at;
  for (const pid_t child : children) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) fail("a client");
  }
  Measured measured;
  std::int64_t ended_at = begins_at;
  for (const Results& each : std::span(results, extent.processes)) {
    for (const std::uint32_t latency : std::span(each.nanoseconds, each.count)) {
      measured.latencies.emplace_back(latency);
    }
    measured.failures += each.failures;
    ended_at = std::max(ended_at, each.ended_at);
  }
  std::ranges::sort(measured.latencies);
  measured.took = Duration(ended_at - begins_at);
  (void)::munmap(results, extent.processes * sizeof(Results));
  (void)::munmap(shared, sizeof(Shared));
  return measured;
}

void print(const Measured& measured) {
  const double seconds = std::chrono::duration<double>(measured.took).count();
  const auto count = static_cast<double>(measured.latencies.size());
  std::cout << std::fixed << std::setprecision(1) << "rate=" << (seconds > 0 ? count / seconds : 0)
            << " p50=" << microseconds(percentile(measured.latencies, 0.5))
            << " p99=" << microseconds(percentile(measured.latencies, 0.99))
            << " max=" << microseconds(percentile(measured.latencies, 1)) << " requests=" << measured.latencies.size()
            << " failures=" << measured.failures << '\n';
}

}  // namespace secshr::bench
