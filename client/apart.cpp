#include "client/apart.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "client/explanation.h"

namespace secshr::client {
namespace {

constexpr std::size_t stack_size = 64UL * 1024;

struct Run {
  int (*call)(void*) = nullptr;
  void* argument = nullptr;
  int result = 0;
  bool is_done = false;
};

int run(void* given) noexcept {
  auto& its = *static_cast<Run*>(given);
  its.result = its.call(its.argument);
  its.is_done = true;
  return 0;
}

// 0, or an errno value. Without a signal at its end, and waited for as such: who waits for any child does not see it.
int run_on(std::byte* stack, Run& its) noexcept {
  const pid_t child = ::clone(run, stack + stack_size, CLONE_VM | CLONE_VFORK, &its);
  if (child < 0) return errno;
  // It has ended already.
  while (::waitpid(child, nullptr, static_cast<int>(__WCLONE)) < 0 && errno == EINTR) continue;
  return its.is_done ? 0 : EINTR;
}

}  // namespace

int run_apart(int (*call)(void*), void* argument) noexcept {
  void* const stack =
      ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return fail(-errno, "no memory: %s", text_of(errno));
  // Before: a handler of the program's would run in the other process, on the program's memory.
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  Run its{call, argument};
  const int error = run_on(static_cast<std::byte*>(stack), its);
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  (void)::munmap(stack, stack_size);
  return error == 0 ? its.result : fail(-error, "no process could be made: %s", text_of(error));
}

}  // namespace secshr::client
