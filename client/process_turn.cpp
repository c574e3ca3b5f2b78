#include "client/process_turn.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <cstddef>

namespace secshr::client {
namespace {

constexpr std::size_t page_size = 4096;

// In a page of its own, which the kernel empties in a child that is forked: nobody has the turn there, though the
// child had the number of the ancestor whose thread had it. Where the kernel does not, the pid still tells the
// others.
struct alignas(page_size) State {
  // The pid of the process one of whose threads has the turn, 0: nobody. Memory that was forked says its parent's.
  std::atomic<std::int32_t> holder{0};
  std::atomic<bool> is_emptied{false};  // by a fork
  // Only read and written by who has the turn.
  std::int32_t numbered = 0;  // the process
  std::uint64_t last = 0;
};
State state;
static_assert(sizeof state.holder == sizeof(std::int32_t) && sizeof state == page_size);

// Threads that do it at once do the same.
void have_it_emptied() noexcept {
  if (state.is_emptied.load(std::memory_order_relaxed)) return;
  (void)::madvise(&state, sizeof state, MADV_WIPEONFORK);
  state.is_emptied.store(true, std::memory_order_relaxed);
}

void wait_while(std::int32_t value) noexcept {
  (void)::syscall(SYS_futex, &state.holder, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

// As large as nanoseconds are since the machine was started: nobody asks as often.
std::uint64_t number_before_first() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

}  // namespace

ProcessTurn::ProcessTurn() noexcept {
  have_it_emptied();
  const std::int32_t own = ::getpid();
  while (true) {
    std::int32_t seen = 0;
    if (state.holder.compare_exchange_strong(seen, own, std::memory_order_acquire)) return;
    if (seen != own && state.holder.compare_exchange_strong(seen, own, std::memory_order_acquire)) return;
    if (seen == own) wait_while(own);
  }
}

ProcessTurn::~ProcessTurn() {
  state.holder.store(0, std::memory_order_release);
  // All: which of them was waiting for whom is not worth a count.
  (void)::syscall(SYS_futex, &state.holder, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

std::uint64_t ProcessTurn::next_sequence() noexcept {
  const std::int32_t own = ::getpid();
  if (state.numbered != own) {
    state.numbered = own;
    state.last = number_before_first();
  }
  return ++state.last;
}

}  // namespace secshr::client
