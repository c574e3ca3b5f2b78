// Clients of libsecshr that end in the middle of it, brokers that change under them, and how long a first call takes.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "client/include/secshr.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/library_options.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string other_directory = "/mnt/test/other";

secshr_t* open_in_directory(const std::string& directory) {
  secshr_options options = library_options();
  options.directory = directory.c_str();
  secshr_t* handle = nullptr;
  if (secshr_open(&handle, &options) != 0) ::_exit(120);
  return handle;
}

class LibraryEnds : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(other_directory, 01777);
  }

  // A child that calls the library as this user, and its pid.
  static pid_t start_client(const Identity& identity, const std::function<int(secshr_t*)>& call,
                            const std::string& directory = tmp) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    become(identity);
    ::_exit(-call(open_in_directory(directory)));
  }

  // Killed before its `call`th system call within the library; whether it came that far.
  static bool kill_at(pid_t child, unsigned call) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(::ptrace(PTRACE_SETOPTIONS, child, nullptr, static_cast<long>(PTRACE_O_TRACESYSGOOD)), 0);
    for (unsigned entries = 0; entries < 2 * call; ++entries) {
      EXPECT_EQ(::ptrace(PTRACE_SYSCALL, child, nullptr, 0L), 0);
      EXPECT_EQ(::waitpid(child, &status, 0), child);
      if (WIFEXITED(status)) return false;
      // A signal of its own, its wrapper's end for one, is its own affair.
      if (WIFSTOPPED(status) && WSTOPSIG(status) != (SIGTRAP | 0x80)) --entries;
    }
    EXPECT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(wait_for(child), killed_by(SIGKILL));
    return true;
  }

  // As if the number came round.
  static Ending ping_as(pid_t pid, const Identity& identity) {
    std::ofstream("/proc/sys/kernel/ns_last_pid") << pid - 1;
    const pid_t child = start_client(identity, [](secshr_t* handle) { return secshr_ping(handle); });
    EXPECT_EQ(child, pid) << "the number went to somebody else";
    return wait_for(child);
  }
};

TEST_F(LibraryEnds, a_client_that_is_killed_at_any_of_its_system_calls_is_in_nobodys_way) {
  (void)serve();
  // Who comes later would take the numbers of the killed.
  ASSERT_TRUE(wait_for_processes().complete());
  const auto maker = connect(second_user);
  unsigned call = 1;
  for (bool was_killed = true; was_killed && !HasFailure(); ++call) {
    SCOPED_TRACE("killed at system call " + std::to_string(call));
    const int semid = make_set(*maker);
    const pid_t child = ::fork();
    if (child == 0) {
      become(first_user);
      secshr_t* const handle = open_in_directory(tmp);
      (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      (void)::raise(SIGSTOP);
      ::_exit(-secshr_remove_semaphore(handle, semid));
    }
    was_killed = kill_at(child, call);
    // It is there, or it is not, and both the same user and another can go on in its place.
    EXPECT_EQ(ping_as(child, second_user), exited(0));
    EXPECT_EQ(ping_as(child, first_user), exited(0));
    if (set_exists(semid)) remove_set(semid);
  }
  EXPECT_GT(call, 20U);
  // What lies about is a name of each that was killed while it had one, and was removed by who came under it.
  for (const auto& entry : fs::directory_iterator(tmp)) {
    const std::string name = entry.path().filename();
    EXPECT_TRUE(name.starts_with("gtm_secshr2E") || name == maker->socket_name()) << name;
  }
}

TEST_F(LibraryEnds, a_takeover_while_it_asks_is_not_noticed) {
  const auto maker = connect(second_user);
  std::vector<int> sets;
  sets.reserve(150);
  for (int each = 0; each < 150; ++each) sets.push_back(make_set(*maker));
  (void)serve();
  const pid_t client = start_client(first_user, [&](secshr_t* handle) {
    for (const int semid : sets) {
      if (const int result = secshr_remove_semaphore(handle, semid); result != 0) return result;
    }
    return 0;
  });
  for (int round = 0; round < 5; ++round) {
    ask_for_renewal();
    EXPECT_EQ(start().ending, ending_of(StartStatus::serving));
  }
  EXPECT_EQ(wait_for(client), exited(0));
  for (const int semid : sets) EXPECT_FALSE(set_exists(semid));
}

TEST_F(LibraryEnds, clients_of_different_directories_are_served_by_one_broker) {
  const auto ping = [](secshr_t* handle) { return secshr_ping(handle); };
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(wait_for(start_client(first_user, ping, tmp)), exited(0));
    EXPECT_EQ(wait_for(start_client(second_user, ping, other_directory)), exited(0));
  }
  EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
}

TEST_F(LibraryEnds, a_directory_that_is_missing_or_not_the_users_is_said) {
  EXPECT_EQ(wait_for(start_client(
                first_user, [](secshr_t* handle) { return secshr_ping(handle); }, "/mnt/test/missing")),
            exited(ENOENT));
  make_directory("/mnt/test/private", 0700, u2, g2);
  EXPECT_EQ(wait_for(start_client(
                first_user, [](secshr_t* handle) { return secshr_ping(handle); }, "/mnt/test/private")),
            exited(EACCES));
}

// From the call to the answer, with nobody there before. How long that takes a busy machine says nothing.
TEST_F(LibraryEnds, a_first_call_takes_some_milliseconds) {
  std::vector<double> times;
  for (int round = 0; round < 21; ++round) {
    kill_other_processes();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = start_client(first_user, [&](secshr_t* handle) {
      const auto began = std::chrono::steady_clock::now();
      const int result = secshr_ping(handle);
      const double took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
      return ::write(ends[1], &took, sizeof took) == sizeof took ? result : -1;
    });
    EXPECT_EQ(wait_for(child), exited(0));
    double took = 0;
    ASSERT_EQ(::read(ends[0], &took, sizeof took), static_cast<ssize_t>(sizeof took));
    times.push_back(took);
    (void)::close(ends[0]);
    (void)::close(ends[1]);
  }
  std::ranges::sort(times);
  std::cout << "cold start, call to answer: median " << times[times.size() / 2] << " ms, from " << times.front()
            << " to " << times.back() << " ms\n";
  EXPECT_LT(times[times.size() / 2], 250.0);
}

}  // namespace
}  // namespace secshr::test
