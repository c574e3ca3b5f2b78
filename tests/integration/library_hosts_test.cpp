// libsecshr in programs that are not what one would wish: interrupted all the time, short of descriptors, with a
// umask that takes everything away, with locks on the very file, cancelling their threads, taking every child's end.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "client/include/secshr.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/library_options.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

using namespace std::chrono_literals;

// What a call in a host's process returned, what it says, and how long it took.
struct Told {
  int result = INT_MIN;
  double seconds = 0;
  char text[1024] = {};
};

class LibraryHosts : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    void* const page = ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    told_ = new (page) Told;
  }
  void TearDown() override {
    if (told_ != nullptr) (void)::munmap(told_, sizeof(Told));
    BrokerTest::TearDown();
  }

  // In a process of its own, whose ids are left to `prepare`.
  pid_t start_host(const std::function<void()>& prepare, const std::function<int(secshr_t*)>& call,
                   const secshr_options& options = library_options()) {
    *told_ = Told{};
    const pid_t child = ::fork();
    if (child != 0) return child;
    secshr_t* handle = nullptr;
    told_->result = secshr_open(&handle, &options);
    if (told_->result == 0) {
      prepare();
      const auto began = std::chrono::steady_clock::now();
      told_->result = call(handle);
      told_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    }
    (void)std::snprintf(told_->text, sizeof told_->text, "%s", secshr_explain());
    ::_exit(0);
  }
  const Told& run_host(const std::function<void()>& prepare, const std::function<int(secshr_t*)>& call,
                       const secshr_options& options = library_options()) {
    EXPECT_EQ(wait_for(start_host(prepare, call, options)), exited(0));
    return *told_;
  }
  void expect_told(int result, const std::string& said = {}) const {
    EXPECT_EQ(told_->result, result) << told_->text;
    EXPECT_NE(std::string(told_->text).find(said), std::string::npos) << told_->text;
  }

  Told* told_ = nullptr;
};

int ping_once(secshr_t* handle) {
  return secshr_ping(handle);
}

void become_first() {
  become(first_user);
}

void ignore_it(int) {}

// From now on a signal interrupts this process as often as that.
void interrupt_every(std::chrono::microseconds interval) {
  struct sigaction action{};
  action.sa_handler = ignore_it;
  (void)::sigaction(SIGALRM, &action, nullptr);
  const timeval often{0, static_cast<suseconds_t>(interval.count())};
  const itimerval timer{often, often};
  (void)::setitimer(ITIMER_REAL, &timer, nullptr);
}

// --- Signals ---

TEST_F(LibraryHosts, notices_that_the_broker_has_ended_however_often_it_is_interrupted) {
  const pid_t broker = serve();
  stop({broker});
  std::thread killer([&] {
    ::usleep(300'000);
    EXPECT_EQ(::kill(broker, SIGKILL), 0);
  });
  run_host(
      [] {
        become_first();
        interrupt_every(10ms);
      },
      ping_once);
  killer.join();
  expect_told(0);
  EXPECT_LT(told_->seconds, 3.0) << "it waited for a dead one";
}

TEST_F(LibraryHosts, gives_up_on_a_full_queue_however_often_it_is_interrupted) {
  const pid_t broker = serve();
  stop({broker});
  // Until the broker's queue is full.
  const int filler = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(server_in().c_str());
  while (::sendto(filler, "x", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 1) {
  }
  ASSERT_EQ(errno, EAGAIN);
  secshr_options options = library_options();
  options.reply_timeout_ms = 200;
  options.attempts = 2;
  run_host(
      [] {
        become_first();
        interrupt_every(50ms);
      },
      ping_once, options);
  expect_told(-ETIMEDOUT);
  EXPECT_LT(told_->seconds, 3.0);
  (void)::close(filler);
  resume({broker});
}

// A terminal's, which go to the whole process group.
TEST_F(LibraryHosts, has_a_broker_started_though_its_process_group_is_interrupted) {
  for (int round = 0; round < 5; ++round) {
    run_host(
        [] {
          become_first();
          (void)::setpgid(0, 0);
          struct sigaction action{};
          action.sa_handler = ignore_it;
          (void)::sigaction(SIGINT, &action, nullptr);
        },
        [](secshr_t* handle) {
          std::atomic<bool> goes_on = true;
          std::thread typist([&] {
            while (goes_on) {
              (void)::kill(0, SIGINT);
              ::usleep(100);
            }
          });
          const int result = secshr_ping(handle);
          goes_on = false;
          typist.join();
          return result;
        });
    expect_told(0);
    kill_other_processes();
  }
}

// --- What the process has been given ---

TEST_F(LibraryHosts, is_answered_whatever_the_umask_takes_away) {
  (void)serve();
  for (const mode_t mask : {0777U, 0600U, 0200U, 0U}) {
    SCOPED_TRACE(mask);
    secshr_options options = library_options();
    options.reply_timeout_ms = 300;
    options.attempts = 2;
    run_host(
        [&] {
          become_first();
          (void)::umask(mask);
        },
        ping_once, options);
    expect_told(0);
  }
}

TEST_F(LibraryHosts, says_that_there_are_no_descriptors_left_and_runs_nothing) {
  // With none left, and with 1, 2, … left; none of these says that names are taken, or that a broker was started.
  for (unsigned left = 0; left < 3; ++left) {
    SCOPED_TRACE(left);
    for (const bool has_leftover : {false, true}) {
      if (has_leftover) (void)serve();
      run_host(
          [&] {
            const std::string own = tmp + "/" + Client::name_of(::getpid());
            if (has_leftover) write_dead_socket(own, u1, g1);
            become_first();
            rlimit limit{};
            (void)::getrlimit(RLIMIT_NOFILE, &limit);
            limit.rlim_cur = 64;
            (void)::setrlimit(RLIMIT_NOFILE, &limit);
            std::vector<int> taken;
            for (int each = 0; (each = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(each);
            for (unsigned each = 0; each < left; ++each) (void)::close(taken[each]);
          },
          ping_once);
      if (told_->result != 0) expect_told(-EMFILE);
      if (left == 0) expect_told(-EMFILE);
      kill_other_processes();
    }
  }
}

TEST_F(LibraryHosts, with_several_identities_at_once_is_told_so_without_delay) {
  (void)serve();
  run_host([] { become_mixed({u1, u2, u2, g1, g1, g1}); }, ping_once);
  expect_told(-EPERM, "must be the same");
  EXPECT_LT(told_->seconds, 3.0);
}

TEST_F(LibraryHosts, reads_the_environment_when_it_is_opened_and_not_later) {
  const std::string first = "/mnt/test/first", second = "/mnt/test/second";
  make_directory(first, 01777);
  make_directory(second, 01777);
  (void)::setenv("gtm_log", first.c_str(), 1);
  run_host(
      [&] {
        become_first();
        (void)::setenv("gtm_log", second.c_str(), 1);
      },
      ping_once);
  (void)::unsetenv("gtm_log");
  expect_told(0);
  EXPECT_TRUE(eventually([&] { return exists(first + "/gtm_secshr_log"); }));
  EXPECT_FALSE(exists(second + "/gtm_secshr_log"));
}

// Its signal ends a process.
TEST_F(LibraryHosts, says_that_the_limit_of_file_sizes_is_in_the_way) {
  const std::string database = data + "/own.dat";
  write_file(database, DatabaseImage{}.text(), 0644, u1, g1);
  run_host(
      [] {
        become_first();
        const rlimit limit{100, 100};
        (void)::setrlimit(RLIMIT_FSIZE, &limit);
      },
      [&](secshr_t* handle) {
        const secshr_ids ids{1, -1, 5, 0};
        return secshr_flush_ids(handle, database.c_str(), &ids);
      });
  expect_told(-EFBIG);
}

TEST_F(LibraryHosts, shows_no_program_that_is_executed_meanwhile_a_descriptor) {
  (void)serve();
  const std::string database = data + "/own.dat";
  write_file(database, DatabaseImage{}.text(), 0644, u1, g1);
  run_host(
      [] {
        become_first();
        (void)::close_range(3, ~0U, 0);
      },
      [&](secshr_t* handle) {
        std::atomic<bool> goes_on = true;
        std::thread asking([&] {
          const secshr_ids ids{1, -1, 5, 0};
          while (goes_on) {
            (void)secshr_ping(handle);
            (void)secshr_flush_ids(handle, database.c_str(), &ids);
            (void)secshr_remove_socket(handle, database.c_str());
          }
        });
        int seen = 0;
        for (int each = 0; each < 200; ++each) {
          // Which counts one of its own.
          const Ending ending = run_forked([] {
            (void)::execl("/bin/sh", "sh", "-c", "set -- /proc/self/fd/*; exit $#", nullptr);
            return 127;
          });
          seen = std::max(seen, ending.code);
        }
        goes_on = false;
        asking.join();
        return seen;
      });
  EXPECT_EQ(told_->result, 4);
}

constexpr const char* database_with_locks = "/mnt/test/data/locked.dat";

TEST_F(LibraryHosts, keeps_the_locks_that_the_process_has_on_the_database) {
  write_file(database_with_locks, DatabaseImage{}.text(), 0644, u1, g1);
  const auto lock_whole = [](int command) {
    const int file = ::open(database_with_locks, O_RDWR | O_CLOEXEC);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    return ::fcntl(file, command, &lock) == 0 ? lock.l_type : -1;
  };
  run_host(
      [&] {
        become_first();
        if (lock_whole(F_SETLK) != F_WRLCK) ::_exit(1);
      },
      [&](secshr_t* handle) {
        const secshr_ids ids{1, -1, 5, 0};
        const int result = secshr_flush_ids(handle, database_with_locks, &ids);
        if (result != 0) return result;
        return run_forked([&] { return lock_whole(F_GETLK) == F_WRLCK ? 0 : 1; }) == exited(0) ? 0 : 1;
      });
  expect_told(0);
}

TEST_F(LibraryHosts, puts_no_database_where_standard_error_was) {
  const std::string database = data + "/own.dat";
  write_file(database, DatabaseImage{}.text(), 0644, u1, g1);
  run_host(
      [&] {
        become_first();
        (void)::close_range(0, 2, 0);
      },
      [&](secshr_t* handle) {
        std::atomic<bool> goes_on = true;
        std::thread talker([&] {
          while (goes_on) {
            for (const int number : {0, 1, 2}) (void)!::write(number, "a message", 9);
          }
        });
        int result = 0;
        const secshr_ids ids{1, -1, 5, 0};
        for (int each = 0; each < 2000 && result == 0; ++each) {
          result = secshr_flush_ids(handle, database.c_str(), &ids);
        }
        goes_on = false;
        talker.join();
        return result;
      });
  expect_told(0);
  EXPECT_TRUE(read_file(database) == with_ids(DatabaseImage{}.text(), {1, -1, 5, 0})) << "what was printed is in it";
}

// --- Threads ---

TEST_F(LibraryHosts, loses_no_descriptor_when_a_thread_is_cancelled) {
  const std::string database = data + "/own.dat";
  write_file(database, DatabaseImage{}.text(), 0644, u1, g1);
  run_host(become_first, [&](secshr_t* handle) {
    const std::size_t before = descriptors_of(::getpid()).size();
    for (int each = 0; each < 500; ++each) {
      struct Work {
        secshr_t* handle;
        const char* path;
      };
      Work work{handle, database.c_str()};
      pthread_t thread{};
      if (::pthread_create(
              &thread, nullptr,
              [](void* given) -> void* {
                const auto* own = static_cast<Work*>(given);
                const secshr_ids ids{1, -1, 5, 0};
                while (true) {
                  (void)secshr_flush_ids(own->handle, own->path, &ids);
                  ::pthread_testcancel();
                }
              },
              &work) != 0)
        return -1;
      ::usleep(100 + static_cast<useconds_t>(each) % 37);
      (void)::pthread_cancel(thread);
      (void)::pthread_join(thread, nullptr);
    }
    return static_cast<int>(descriptors_of(::getpid()).size() - before);
  });
  expect_told(0);
}

// A descendant that has the number of one that held the turn when it was forked.
TEST_F(LibraryHosts, takes_its_turn_though_an_ancestor_had_its_number) {
  const pid_t broker = serve();
  // So that none of its helpers takes the number.
  ASSERT_TRUE(wait_for_processes().complete());
  stop({broker});
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t ancestor = start_host(become_first, [&](secshr_t* handle) -> int {
    told_->result = INT_MIN;
    std::thread([handle] { (void)secshr_ping(handle); }).detach();
    const std::string own = tmp + "/" + Client::name_of(::getpid());
    (void)eventually([&] { return exists(own); });
    if (::fork() == 0) {
      // Until the number is free.
      char go = 0;
      (void)!::read(ends[0], &go, 1);
      if (::fork() == 0) {
        const int result = secshr_ping(handle);
        told_->result = result == 0 ? static_cast<int>(::getpid()) : result;
        ::_exit(0);
      }
      (void)::pause();
    }
    ::_exit(0);
  });
  EXPECT_EQ(wait_for(ancestor), exited(0));
  resume({broker});
  std::ofstream("/proc/sys/kernel/ns_last_pid") << ancestor - 1;
  ASSERT_EQ(::write(ends[1], "", 1), 1);
  EXPECT_TRUE(eventually([&] { return told_->result != INT_MIN; })) << "it waits for itself";
  EXPECT_EQ(told_->result, ancestor);
}

// The broker's answer to what the process asked before it executed another program is no answer to the next question.
TEST_F(LibraryHosts, takes_no_answer_to_a_question_of_the_program_that_it_was_before) {
  const auto maker = connect(second_user);
  const int semid = make_set(*maker, 0600);
  const std::string program = "/mnt/test/asks_again";
  install_built("tests/asks_again", program, 0755);
  const pid_t broker = serve();
  stop({broker});
  Running asking =
      start_as(first_user, {program, {program, distribution, release, tmp, std::to_string(semid)}, {}, {}});
  EXPECT_TRUE(eventually([&] {
    return read_file("/proc/" + std::to_string(asking.pid()) + "/cmdline").ends_with(std::string("again\0", 6));
  }));
  const std::string own = tmp + "/" + Client::name_of(asking.pid());
  EXPECT_TRUE(eventually([&] { return exists(own); }));
  ::usleep(50'000);
  resume({broker});
  EXPECT_EQ(asking.wait().ending, exited(EPERM)) << "it may not remove it";
  EXPECT_TRUE(set_exists(semid));
}

TEST_F(LibraryHosts, asks_again_under_a_name_where_somebody_removed_its_own) {
  const pid_t broker = serve();
  stop({broker});
  const pid_t host = start_host(become_first, ping_once);
  const std::string own = tmp + "/" + Client::name_of(host);
  EXPECT_TRUE(eventually([&] { return exists(own); }));
  ::usleep(20'000);
  remove_tree(own);
  resume({broker});
  EXPECT_EQ(wait_for(host), exited(0));
  expect_told(0);
  EXPECT_LT(told_->seconds, 3.0);
  EXPECT_FALSE(exists(own));
}

// --- What is said, and to whom it happened ---

TEST_F(LibraryHosts, explains_in_one_line_whatever_a_path_holds) {
  secshr_options options = library_options();
  options.installation = "/mnt/test/a\nJan 1 host sshd[1]: accepted \x1b[2J";
  run_host(become_first, ping_once, options);
  EXPECT_EQ(std::string(told_->text).find('\n'), std::string::npos) << told_->text;
  EXPECT_EQ(std::string(told_->text).find('\x1b'), std::string::npos) << told_->text;
  options.installation = "relative\nline";
  run_host(become_first, ping_once, options);
  EXPECT_EQ(std::string(told_->text).find('\n'), std::string::npos) << told_->text;
}

TEST_F(LibraryHosts, says_that_nobody_serves_though_the_host_took_the_wrappers_end) {
  const pid_t broker = serve();
  ASSERT_EQ(::kill(broker, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  remove_tree("/etc/secshr/installations.d/test.toml");
  run_host(
      [] {
        become_first();
        (void)::signal(SIGCHLD, SIG_IGN);
      },
      ping_once);
  expect_told(-ECONNREFUSED, "nobody serves");
}

TEST_F(LibraryHosts, does_not_wait_for_ever_for_a_wrapper_that_does_not_end) {
  write_file(wrapper, read_file("/usr/bin/yes"), 04755);
  auto options = library_options();
  options.reply_timeout_ms = 150;
  options.attempts = 2;
  run_host(
      [] {
        become_first();
        const int nowhere = ::open("/dev/null", O_WRONLY);
        (void)::dup2(nowhere, STDOUT_FILENO);
      },
      ping_once, options);
  expect_told(-ETIMEDOUT, "did not end by itself");
  EXPECT_GE(told_->seconds, 0.3);
  EXPECT_LT(told_->seconds, 5);
  EXPECT_TRUE(all_other_processes().empty()) << "it is left";
}

TEST_F(LibraryHosts, runs_a_wrapper_that_the_effective_group_may_execute) {
  ASSERT_EQ(::chown(wrapper.c_str(), 0, g2), 0);
  ASSERT_EQ(::chmod(wrapper.c_str(), 04750), 0);
  run_host(become_first, ping_once);
  expect_told(-ECONNREFUSED, "is not executable for this user");
  run_host([] { become_mixed({u1, u1, u1, g1, g2, g2}); }, ping_once);
  expect_told(0);
}

// --- Socket files ---

TEST_F(LibraryHosts, removes_no_socket_of_which_it_cannot_tell_whether_somebody_is_bound_to_it) {
  const std::string shared = "/mnt/test/shared";
  make_directory(shared, 0777);
  const auto live = write_live_socket(shared + "/service", SOCK_DGRAM, u2, g2, 0600);
  run_host(become_first,
           [&](secshr_t* handle) { return secshr_remove_socket(handle, (shared + "/service").c_str()); });
  EXPECT_LT(told_->result, 0) << "somebody is bound to it";
  EXPECT_TRUE(exists(shared + "/service"));
  // The control: one that it can tell of.
  write_dead_socket(shared + "/service", u2, g2, 0666);
  run_host(become_first,
           [&](secshr_t* handle) { return secshr_remove_socket(handle, (shared + "/service").c_str()); });
  expect_told(0);
}

TEST_F(LibraryHosts, takes_a_socket_that_went_meanwhile_for_removed) {
  const std::string leftover = tmp + "/leftover";
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    write_dead_socket(leftover, u1, g1);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::vector<pid_t> children;
    for (int each = 0; each < 2; ++each) {
      const pid_t child = ::fork();
      if (child == 0) {
        become_first();
        secshr_t* handle = nullptr;
        const secshr_options options = library_options();
        if (secshr_open(&handle, &options) != 0) ::_exit(120);
        (void)::close(ends[1]);
        char go = 0;
        (void)!::read(ends[0], &go, 1);
        const int result = secshr_remove_socket(handle, leftover.c_str());
        // Before it was looked at there was none, which is an error; after that it is what was wanted.
        ::_exit(result == -ENOENT && std::string(secshr_explain()).find("removed") != std::string::npos ? 1 : 0);
      }
      children.push_back(child);
    }
    (void)::close(ends[0]);
    (void)::close(ends[1]);
    for (const pid_t child : children) EXPECT_EQ(wait_for(child), exited(0));
  }
}

}  // namespace
}  // namespace secshr::test
