// libsecshr with the real wrapper and the real broker: what a process can do itself it does, and the rest is asked
// for, whoever else is in the way.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "client/include/secshr.h"
#include "tests/integration/library_options.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"
#include "tests/integration/targets_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// In a child: one that cannot be opened ends it.
secshr_t* opened(const secshr_options& options = library_options()) {
  secshr_t* handle = nullptr;
  if (secshr_open(&handle, &options) != 0) ::_exit(120);
  return handle;
}

// The library's results as exit statuses.
Ending with_result(int result) {
  return exited(-result);
}

class Library : public BrokerTargets {
 protected:
  // Nobody serves yet.
  void begin() override {}

  // What the call returned in a process of that user, and what is said of it.
  struct Answer {
    Ending ending;
    std::string explanation;
  };
  static Answer ask(const Identity& identity, const std::function<int(secshr_t*)>& call,
                    const secshr_options& options = library_options()) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const Ending ending = as_user(identity, [&] {
      secshr_t* const handle = opened(options);
      const int result = call(handle);
      const std::string text = secshr_explain();
      if (result != 0) (void)!::write(ends[1], text.data(), text.size());
      secshr_close(handle);
      return -result;
    });
    (void)::close(ends[1]);
    std::string text(2048, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(ends[0], text.data(), text.size()), 0)));
    (void)::close(ends[0]);
    return {ending, text};
  }
  static void expect(const Answer& answer, int result, const std::string& said = {}) {
    EXPECT_EQ(answer.ending, with_result(result)) << answer.explanation;
    EXPECT_NE(answer.explanation.find(said), std::string::npos) << answer.explanation;
  }
  static bool somebody_serves() { return lock_holder().has_value(); }
  // Of the user who asks here.
  static std::vector<std::string> client_sockets() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(tmp)) {
      struct stat facts{};
      const bool is_ours =
          ::lstat(entry.path().c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode) && facts.st_uid == u1;
      if (is_ours) found.push_back(entry.path());
    }
    return found;
  }

  static int request(secshr_t* handle, const protocol::Request& request) {
    if (const auto* wake = std::get_if<protocol::Wake>(&request)) return secshr_wake(handle, wake->pid);
    if (const auto* resume = std::get_if<protocol::ContinueProcess>(&request))
      return secshr_continue(handle, resume->pid);
    if (const auto* set = std::get_if<protocol::RemoveSemaphoreSet>(&request))
      return secshr_remove_semaphore(handle, set->semid);
    if (const auto* segment = std::get_if<protocol::RemoveSegment>(&request))
      return secshr_remove_segment(handle, segment->shmid);
    if (const auto* file = std::get_if<protocol::RemoveFile>(&request))
      return secshr_remove_socket(handle, std::string(file->path).c_str());
    if (const auto* flush = std::get_if<protocol::FlushHeader>(&request)) {
      const secshr_ids ids{flush->ids.semid, flush->ids.shmid, flush->ids.sem_ctime, flush->ids.shm_ctime};
      return secshr_flush_ids(handle, std::string(flush->path).c_str(), &ids);
    }
    return secshr_ping(handle);
  }
};

// --- What it does ---

TEST_F(Library, does_for_a_user_what_the_broker_does_and_starts_it) {
  arrange();
  EXPECT_FALSE(somebody_serves());
  for (const Target& target : targets_) {
    SCOPED_TRACE(target.what);
    expect(ask(first_user, [&](secshr_t* handle) { return request(handle, target.request); }), 0);
    EXPECT_TRUE(eventually([&] { return target.changed(); }));
  }
  EXPECT_TRUE(somebody_serves());
  EXPECT_TRUE(client_sockets().empty());
}

TEST_F(Library, does_by_itself_what_it_may_and_asks_nobody) {
  const auto own = connect(first_user);
  const int semid = make_set(*own, 0);
  const int shmid = make_segment(*own, 0);
  write_dead_socket(tmp + "/leftover", u1, g1);
  const std::string database = data + "/own.dat";
  write_file(database, DatabaseImage{}.text(), 0644, u1, g1);
  const secshr_ids ids{1, -1, 5, 0};
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }), 0);
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_segment(handle, shmid); }), 0);
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_socket(handle, (tmp + "/leftover").c_str()); }),
         0);
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_flush_ids(handle, database.c_str(), &ids); }), 0);
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_continue(handle, own->pid()); }), 0);
  EXPECT_FALSE(set_exists(semid));
  EXPECT_FALSE(segment_exists(shmid));
  EXPECT_FALSE(exists(tmp + "/leftover"));
  EXPECT_EQ(read_file(database), with_ids(DatabaseImage{}.text(), {1, -1, 5, 0}));
  EXPECT_FALSE(somebody_serves());
}

TEST_F(Library, does_not_touch_what_is_no_leftover_or_no_database) {
  const auto live = write_live_socket(tmp + "/live", SOCK_DGRAM, u1, g1);
  write_file(tmp + "/file", "x", 0644, u1, g1);
  write_file(data + "/text", std::string(8192, 'x'), 0644, u1, g1);
  const secshr_ids ids{1, -1, 5, 0};
  const auto remove = [](const std::string& path) {
    return ask(first_user, [&](secshr_t* handle) { return secshr_remove_socket(handle, path.c_str()); });
  };
  expect(remove(tmp + "/live"), -EBUSY, "somebody is bound");
  expect(remove(tmp + "/file"), -ENOTSOCK, "no socket");
  expect(remove(tmp + "/missing"), -ENOENT);
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_flush_ids(handle, (data + "/text").c_str(), &ids); }),
         -EINVAL, "no database");
  // Of another process that lives, and has nothing bound to it at this moment; the control is one that does not.
  const auto living = connect(second_user);
  const std::string name = tmp + "/" + Client::name_of(living->pid(), "q");
  write_dead_socket(name, u1, g1);
  expect(remove(name), -EBUSY, "a process that lives");
  EXPECT_TRUE(exists(name));
  const std::string leftover = tmp + "/" + Client::name_of(4194303);
  write_dead_socket(leftover, u1, g1);
  expect(remove(leftover), 0);
  EXPECT_TRUE(exists(tmp + "/live"));
  EXPECT_EQ(read_file(tmp + "/file"), "x");
  EXPECT_EQ(read_file(data + "/text"), std::string(8192, 'x'));
}

// --- What it says ---

TEST_F(Library, says_which_rule_refused_and_what_to_do) {
  const auto maker = connect(second_user);
  const int semid = make_set(*maker, 0600);
  const int shmid = make_segment(*maker, 0600);
  const int attached = make_segment(*maker, 0666);
  ASSERT_EQ(attach(*maker, attached), 0);
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }), -EPERM,
         "rule sem.alter: this user has no alter permission");
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_segment(handle, shmid); }), -EPERM,
         "rule shm.rw:");
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_segment(handle, attached); }), -EBUSY,
         "rule shm.attached:");
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_wake(handle, maker->pid()); }), -EPERM,
         "rule proc.install:");
  EXPECT_TRUE(set_exists(semid));
  EXPECT_TRUE(segment_exists(shmid));
  // What it says is in the log.
  const LogRecord last = records().back();
  EXPECT_EQ(last.at("rule"), "proc.install");
  expect(ask(first_user,
             [&](secshr_t* handle) {
               const int result = secshr_wake(handle, maker->pid());
               const std::string own = "process " + std::to_string(::getpid()) + " in the broker's log";
               return std::string(secshr_explain()).find(own) == std::string::npos ? -1000 : result;
             }),
         -EPERM);
}

TEST_F(Library, takes_what_is_gone_for_removed_and_what_never_was_for_an_error) {
  expect(ask(first_user, [](secshr_t* handle) { return secshr_remove_semaphore(handle, 32767); }), -EINVAL);
  expect(ask(first_user, [](secshr_t* handle) { return secshr_remove_segment(handle, 32767); }), -EINVAL);
  expect(ask(first_user, [](secshr_t* handle) { return secshr_continue(handle, 4194303); }), 0);
  expect(ask(first_user, [](secshr_t* handle) { return secshr_wake(handle, 4194303); }), -ESRCH);
  EXPECT_FALSE(somebody_serves()) << "none of these needs anybody";
  // Another removes it while this one asks.
  const auto maker = connect(second_user);
  const pid_t broker = serve();
  const int semid = make_set(*maker);
  stop({broker});
  std::thread remover([&] {
    (void)eventually([] { return !client_sockets().empty(); });
    remove_set(semid);
    resume({broker});
  });
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }), 0);
  remover.join();
}

TEST_F(Library, refuses_what_no_call_could_succeed_with_and_sends_nothing) {
  const secshr_ids good{1, -1, 5, 0};
  const secshr_ids bad[] = {{-1, -1, 5, 0}, {1, -1, 0, 0},  {1, 2, 5, 0},
                            {1, -1, 5, 6},  {-1, -1, 0, 1}, {1, -2, 5, 0}};
  const std::string longest = "/" + std::string(4098, 'x');
  const auto expect_invalid = [](const std::function<int(secshr_t*)>& call) {
    expect(ask(first_user, call), -EINVAL);
  };
  for (const pid_t pid : {0, -1, INT_MIN, 4194305, INT_MAX}) {
    expect_invalid([&](secshr_t* handle) { return secshr_wake(handle, pid); });
    expect_invalid([&](secshr_t* handle) { return secshr_continue(handle, pid); });
  }
  for (const int id : {-1, INT_MIN}) {
    expect_invalid([&](secshr_t* handle) { return secshr_remove_semaphore(handle, id); });
    expect_invalid([&](secshr_t* handle) { return secshr_remove_segment(handle, id); });
  }
  for (const std::string& path : {std::string("relative"), std::string(), std::string("/a\nb"), longest + "x"}) {
    expect_invalid([&](secshr_t* handle) { return secshr_remove_socket(handle, path.c_str()); });
    expect_invalid([&](secshr_t* handle) { return secshr_flush_ids(handle, path.c_str(), &good); });
  }
  for (const secshr_ids& ids : bad) {
    expect_invalid([&](secshr_t* handle) { return secshr_flush_ids(handle, (data + "/x").c_str(), &ids); });
  }
  expect_invalid([](secshr_t* handle) { return secshr_remove_socket(handle, nullptr); });
  expect_invalid([&](secshr_t* handle) { return secshr_flush_ids(handle, nullptr, &good); });
  expect_invalid([](secshr_t* handle) { return secshr_flush_ids(handle, "/x", nullptr); });
  expect_invalid([](secshr_t*) { return secshr_ping(nullptr); });
  expect_invalid([](secshr_t*) { return secshr_wake(nullptr, 1); });
  expect_invalid([](secshr_t*) { return secshr_remove_semaphore(nullptr, 1); });
  EXPECT_FALSE(somebody_serves());
  // The control: at the limit it is asked.
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_socket(handle, longest.c_str()); }),
         -ENAMETOOLONG);
}

TEST_F(Library, is_opened_with_good_options_only) {
  const auto open_with = [](const std::function<void(secshr_options&)>& change) {
    secshr_options options = library_options();
    change(options);
    secshr_t* handle = nullptr;
    const int result = secshr_open(&handle, &options);
    EXPECT_EQ(handle != nullptr, result == 0);
    secshr_close(handle);
    return result;
  };
  const std::string longest = "/" + std::string(85, 'x');
  const std::string too_long = longest + "x";
  EXPECT_EQ(open_with([](secshr_options&) {}), 0);
  EXPECT_EQ(open_with([](secshr_options& o) { o.profile = "ydb"; }), 0);
  EXPECT_EQ(open_with([](secshr_options& o) { o.profile = nullptr; }), 0) << "generic";
  EXPECT_EQ(open_with([](secshr_options& o) { o.profile = "oracle"; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.installation = "relative"; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.installation = nullptr; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.release = nullptr; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.release = ""; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.directory = nullptr; }), 0);
  EXPECT_EQ(open_with([](secshr_options& o) { o.directory = "relative"; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.directory = "/a/../b"; }), -EINVAL);
  EXPECT_EQ(open_with([&](secshr_options& o) { o.directory = longest.c_str(); }), 0);
  EXPECT_EQ(open_with([&](secshr_options& o) { o.directory = too_long.c_str(); }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.reply_timeout_ms = 3'600'000; }), 0);
  EXPECT_EQ(open_with([](secshr_options& o) { o.reply_timeout_ms = 3'600'001; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.size = 0; }), -EINVAL);
  EXPECT_EQ(open_with([](secshr_options& o) { o.size = offsetof(secshr_options, reply_timeout_ms); }), 0);
  EXPECT_EQ(open_with([](secshr_options& o) { o.attempts = 1000; }), 0);
  EXPECT_EQ(open_with([](secshr_options& o) { o.attempts = 1001; }), -EINVAL);
  EXPECT_EQ(secshr_open(nullptr, nullptr), -EINVAL);
  secshr_close(nullptr);
}

TEST_F(Library, takes_the_options_of_a_later_release_where_they_ask_for_nothing_new) {
  struct {
    secshr_options known;
    unsigned char added[64];
  } later{};
  later.known = library_options();
  later.known.size = sizeof later;
  secshr_t* handle = nullptr;
  EXPECT_EQ(secshr_open(&handle, &later.known), 0);
  secshr_close(handle);
  later.added[63] = 1;
  EXPECT_EQ(secshr_open(&handle, &later.known), -E2BIG);
  later.known.size = 1U << 20U;
  EXPECT_EQ(secshr_open(&handle, &later.known), -E2BIG);
}

// --- The wrapper ---

TEST_F(Library, says_what_is_wrong_with_a_wrapper) {
  const auto ping = [] { return ask(first_user, [](secshr_t* handle) { return secshr_ping(handle); }); };
  fs::rename(wrapper, wrapper + ".away");
  expect(ping(), -ECONNREFUSED, "there is no wrapper");
  fs::create_directory(wrapper);
  expect(ping(), -ECONNREFUSED, "is no regular file");
  fs::remove(wrapper);
  fs::rename(wrapper + ".away", wrapper);
  ASSERT_EQ(::chmod(wrapper.c_str(), 0755), 0);
  expect(ping(), -ECONNREFUSED, "is not set-user-ID");
  ASSERT_EQ(::chmod(wrapper.c_str(), 04700), 0);
  expect(ping(), -ECONNREFUSED, "is not executable");
  ASSERT_EQ(::chown(wrapper.c_str(), u2, g2), 0);
  ASSERT_EQ(::chmod(wrapper.c_str(), 04755), 0);
  expect(ping(), -ECONNREFUSED, "is not root's");
  ASSERT_EQ(::chown(wrapper.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(wrapper.c_str(), 04755), 0);
  expect(ask(first_user,
             [](secshr_t* handle) {
               (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
               return secshr_ping(handle);
             }),
         -ECONNREFUSED, "no_new_privs");
  EXPECT_FALSE(somebody_serves());
  expect(ping(), 0);
}

TEST_F(Library, says_with_which_status_and_why_a_start_failed) {
  remove_tree("/etc/secshr/installations.d/test.toml");
  expect(ask(first_user, [](secshr_t* handle) { return secshr_ping(handle); }), -ECONNREFUSED,
         "failed with status 11: the installation is not adopted");
}

TEST_F(Library, runs_the_wrapper_in_a_process_that_waits_for_no_children) {
  const std::function<void()> hosts[] = {[] { (void)::signal(SIGCHLD, SIG_IGN); },
                                         [] {
                                           sigset_t all;
                                           (void)sigfillset(&all);
                                           (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
                                         }};
  for (const auto& host : hosts) {
    kill_other_processes();
    expect(ask(first_user,
               [&](secshr_t* handle) {
                 host();
                 return secshr_ping(handle);
               }),
           0);
    EXPECT_TRUE(somebody_serves());
  }
}

// --- Names in the way ---

TEST_F(Library, takes_a_letter_where_another_users_leftover_has_its_name_which_is_gone_afterwards) {
  expect(ask(first_user,
             [](secshr_t* handle) {
               const std::string own = tmp + "/" + Client::name_of(::getpid());
               // As root would have left it: this user cannot remove it from the sticky directory.
               return exists(own) ? 1 : secshr_ping(handle);
             }),
         0);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char go = 0;
    (void)!::read(ends[0], &go, 1);
    become(first_user);
    const int result = secshr_ping(opened());
    // What was in the way the broker removes for a client that still lives.
    const std::string own = tmp + "/" + Client::name_of(::getpid());
    ::_exit(result == 0 && !eventually([&] { return !exists(own); }) ? 1 : -result);
  }
  const std::string own = tmp + "/" + Client::name_of(child);
  write_dead_socket(own, u2, g2);
  ASSERT_EQ(::write(ends[1], "", 1), 1);
  EXPECT_EQ(wait_for(child), exited(0));
  EXPECT_TRUE(client_sockets().empty());
}

TEST_F(Library, says_which_names_are_taken_where_all_of_them_are) {
  (void)serve();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char go = 0;
    (void)!::read(ends[0], &go, 1);
    become(first_user);
    secshr_t* const handle = opened();
    const int result = secshr_ping(handle);
    const std::string own = tmp + "/" + Client::name_of(::getpid());
    ::_exit(std::string(secshr_explain()).starts_with(own) ? -result : 1);
  }
  const std::string own = tmp + "/" + Client::name_of(child);
  write_file(own, "", 0644, u2, g2);
  for (char letter = 'a'; letter <= 'z'; ++letter) write_file(own + letter, "", 0644, u2, g2);
  ASSERT_EQ(::write(ends[1], "", 1), 1);
  EXPECT_EQ(wait_for(child), exited(EADDRINUSE));
  // The control: with one of them free it is served.
  remove_tree(own + "q");
  expect(ask(first_user, [](secshr_t* handle) { return secshr_ping(handle); }), 0);
}

TEST_F(Library, leaves_a_socket_alone_that_the_process_itself_has_under_its_name) {
  (void)serve();
  expect(ask(first_user,
             [](secshr_t* handle) {
               const std::string own = tmp + "/" + Client::name_of(::getpid());
               const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
               const sockaddr_un address = address_of(own.c_str());
               if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
               const int result = secshr_ping(handle);
               return exists(own) ? result : -2;
             }),
         0);
}

TEST_F(Library, asks_no_squatter) {
  const pid_t broker = serve();
  const std::string server = server_in();
  ASSERT_EQ(::kill(broker, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  fs::remove(server);
  const auto squatter = write_live_socket(server, SOCK_DGRAM, u2, g2, 0777);
  expect(ask(first_user, [](secshr_t* handle) { return secshr_ping(handle); }), 0);
  char byte = 0;
  EXPECT_LT(::recv(squatter.get(), &byte, 1, MSG_DONTWAIT), 0) << "it was asked";
  EXPECT_TRUE(somebody_serves());
}

TEST_F(Library, takes_no_answer_of_its_own_users_other_processes) {
  const auto maker = connect(second_user);
  const int semid = make_set(*maker, 0600);
  const pid_t broker = serve();
  stop({broker});
  std::thread forger([&] {
    (void)eventually([] { return !client_sockets().empty(); });
    for (const std::string& path : client_sockets()) {
      const auto pid = static_cast<std::int32_t>(std::stoul(path.substr(path.size() - 8), nullptr, 16));
      for (const Identity& identity : {first_user, second_user}) {
        const Ending sent = as_user(identity, [&] {
          const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
          const sockaddr_un address = address_of(path.c_str());
          const Bytes reply = header(0, release_key, pid);
          return ::sendto(socket, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                          sizeof address) > 0
                     ? 0
                     : errno;
        });
        EXPECT_EQ(sent, identity.uid == u1 ? exited(0) : exited(EACCES));
      }
    }
    resume({broker});
  });
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }), -EPERM,
         "sem.alter");
  forger.join();
}

// --- Threads, forks, ends ---

TEST_F(Library, serves_threads_and_children_that_are_forked_meanwhile) {
  const auto maker = connect(second_user);
  std::vector<int> sets;
  sets.reserve(80);
  for (int each = 0; each < 80; ++each) sets.push_back(make_set(*maker));
  expect(ask(first_user,
             [&](secshr_t* handle) {
               std::atomic<int> failures{0};
               std::vector<std::thread> threads;
               threads.reserve(8);
               for (std::size_t thread = 0; thread < 8; ++thread) {
                 threads.emplace_back([&, thread] {
                   for (std::size_t each = thread; each < sets.size(); each += 8) {
                     if (secshr_remove_semaphore(handle, sets[each]) != 0) ++failures;
                   }
                 });
               }
               for (int child = 0; child < 10; ++child) {
                 if (run_forked([&] { return -secshr_ping(handle); }) != exited(0)) ++failures;
               }
               for (std::thread& thread : threads) thread.join();
               return failures.load();
             }),
         0);
  for (const int semid : sets) EXPECT_FALSE(set_exists(semid));
  EXPECT_TRUE(client_sockets().empty());
}

TEST_F(Library, two_hundred_processes_that_find_nobody_are_all_served) {
  std::vector<pid_t> children;
  for (int each = 0; each < 200; ++each) {
    const pid_t child = ::fork();
    if (child == 0) {
      become(each % 2 == 0 ? first_user : second_user);
      ::_exit(-secshr_ping(opened()));
    }
    children.push_back(child);
  }
  for (const pid_t child : children) EXPECT_EQ(wait_for(child), exited(0));
  EXPECT_EQ(find_broker_processes().brokers.size(), 1U);
  EXPECT_TRUE(client_sockets().empty());
}

TEST_F(Library, asks_the_next_broker_where_one_ends_before_it_has_answered) {
  const auto maker = connect(second_user);
  const int semid = make_set(*maker);
  const pid_t broker = serve();
  stop({broker});
  std::thread killer([&] {
    (void)eventually([] { return !client_sockets().empty(); });
    ::usleep(20'000);
    EXPECT_EQ(::kill(broker, SIGKILL), 0);
  });
  const auto began = std::chrono::steady_clock::now();
  expect(ask(first_user, [&](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s) << "it waited for a dead one";
  killer.join();
  EXPECT_FALSE(set_exists(semid));
}

TEST_F(Library, gives_up_when_nobody_answers_in_time) {
  const pid_t broker = serve();
  stop({broker});
  secshr_options options = library_options();
  options.reply_timeout_ms = 100;
  options.attempts = 3;
  const auto began = std::chrono::steady_clock::now();
  const auto answer = ask(first_user, [](secshr_t* handle) { return secshr_ping(handle); }, options);
  const auto took = std::chrono::steady_clock::now() - began;
  expect(answer, -ETIMEDOUT, "asked 3 times, for 100 ms each");
  EXPECT_GE(took, 300ms);
  EXPECT_LT(took, 1500ms);
  resume({broker});
}

TEST_F(Library, leaves_no_descriptor_and_takes_no_child) {
  (void)serve();
  expect(ask(first_user,
             [](secshr_t* handle) {
               const std::size_t before = descriptors_of(::getpid()).size();
               for (int each = 0; each < 20; ++each) {
                 if (secshr_ping(handle) != 0) return -1;
               }
               return descriptors_of(::getpid()).size() == before ? 0 : -2;
             }),
         0);
}

}  // namespace
}  // namespace secshr::test
