#include "client/process_turn.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace secshr::client {
namespace {

// The pid of the process one of whose threads has the turn, 0: nobody. Memory that was forked says its parent's.
std::atomic<std::int32_t> holder{0};
static_assert(sizeof holder == sizeof(std::int32_t));

// Only read and written by who has the turn.
std::int32_t numbered = 0;  // the process
std::uint64_t last = 0;

void wait_while(std::int32_t value) noexcept {
  (void)::syscall(SYS_futex, &holder, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

}  // namespace

ProcessTurn::ProcessTurn() noexcept {
  (void)::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
  const std::int32_t own = ::getpid();
  while (true) {
    std::int32_t seen = 0;
    if (holder.compare_exchange_strong(seen, own, std::memory_order_acquire)) return;
    if (seen != own && holder.compare_exchange_strong(seen, own, std::memory_order_acquire)) return;
    if (seen == own) wait_while(own);
  }
}

ProcessTurn::~ProcessTurn() {
  holder.store(0, std::memory_order_release);
  // All: which of them was waiting for whom is not worth a count.
  (void)::syscall(SYS_futex, &holder, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  (void)::pthread_setcancelstate(cancel_state_, nullptr);
}

std::uint64_t ProcessTurn::next_sequence() noexcept {
  const std::int32_t own = ::getpid();
  if (numbered != own) {
    numbered = own;
    last = 0;
  }
  return ++last;
}

}  // namespace secshr::client
