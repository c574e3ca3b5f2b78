// The turn of one thread at a time, across forks: a program of its own, since it is built to find data races.
#include "client/process_turn.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace secshr::client {
namespace {

// Ends a process in which nobody gets on.
constexpr unsigned deadline_s = 60;

int run_child(int (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::alarm(deadline_s);
    ::_exit(body());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ProcessTurn, is_one_threads_at_a_time) {
  constexpr unsigned threads = 8;
  constexpr unsigned rounds = 2000;
  unsigned counter = 0;  // not atomic: only who has the turn touches it
  {
    std::vector<std::jthread> all;
    all.reserve(threads);
    for (unsigned thread = 0; thread < threads; ++thread) {
      all.emplace_back([&counter] {
        for (unsigned round = 0; round < rounds; ++round) {
          const ProcessTurn turn;
          ++counter;
        }
      });
    }
  }
  EXPECT_EQ(counter, threads * rounds);
}

TEST(ProcessTurn, numbers_go_on_by_one_and_begin_anew_in_each_process) {
  std::uint64_t first = 0;
  {
    ProcessTurn turn;
    first = turn.next_sequence();
    EXPECT_EQ(turn.next_sequence(), first + 1);
  }
  static std::uint64_t parents_last = 0;
  parents_last = first + 1;
  EXPECT_EQ(run_child([] {
              ProcessTurn turn;
              const std::uint64_t own = turn.next_sequence();
              return own > parents_last + 1 && turn.next_sequence() == own + 1 ? 7 : 8;
            }),
            7);
  ProcessTurn turn;
  EXPECT_EQ(turn.next_sequence(), first + 2);
}

// The thread that has it does not exist in the child.
TEST(ProcessTurn, is_a_childs_whatever_its_parents_threads_were_doing) {
  std::atomic<bool> is_held{false};
  std::atomic<bool> is_over{false};
  const std::jthread holder([&] {
    const ProcessTurn turn;
    is_held = true;
    while (!is_over) (void)::usleep(100);
  });
  while (!is_held) (void)::usleep(100);
  for (int child = 0; child < 20; ++child) {
    EXPECT_EQ(run_child([] {
                const ProcessTurn turn;
                return 7;
              }),
              7);
  }
  is_over = true;
}

TEST(ProcessTurn, children_that_are_forked_all_the_time_get_on_and_so_do_the_threads) {
  std::atomic<bool> is_over{false};
  unsigned counter = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        while (!is_over) {
          const ProcessTurn turn;
          ++counter;
        }
      });
    }
    for (int child = 0; child < 100; ++child) {
      EXPECT_EQ(run_child([] {
                  const ProcessTurn turn;
                  return 7;
                }),
                7);
    }
    is_over = true;
  }
  EXPECT_GT(counter, 0U);
}

// What its holder does is not left half done, nor the turn taken for ever.
TEST(ProcessTurn, cannot_be_lost_by_a_thread_that_is_cancelled) {
  std::atomic<bool> has_begun{false};
  struct Shared {
    std::atomic<bool>& has_begun;
    int done = 0;
  } shared{has_begun};
  pthread_t thread{};
  ASSERT_EQ(::pthread_create(
                &thread, nullptr,
                [](void* argument) -> void* {
                  auto& its = *static_cast<Shared*>(argument);
                  {
                    const ProcessTurn turn;
                    its.has_begun = true;
                    (void)::usleep(50'000);  // a cancellation point
                    its.done = 1;
                  }
                  while (true) ::pthread_testcancel();
                },
                &shared),
            0);
  while (!has_begun) (void)::usleep(100);
  ASSERT_EQ(::pthread_cancel(thread), 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  EXPECT_EQ(shared.done, 1);
  const ProcessTurn turn;
}

}  // namespace
}  // namespace secshr::client
