// A process that uses libsecshr, and a system call of the library's that does not go well: the library says so or
// does without, nothing of the process is other than before, and its next call works.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "tests/integration/failed_service_fixture.h"
#include "tests/integration/library_host.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

// A call of the library's, and its object, as new.
struct LibraryCall {
  LibraryHost::Call call;
  int result = 0;                 // where nothing goes wrong
  std::function<bool()> is_done;  // nothing, where it changes nothing
};

enum class Serving : bool { nobody, broker };

class LibraryFailedCall : public FailedServiceTest {
 protected:
  void try_each_fault(Serving serving, const std::function<LibraryCall()>& arrange, std::size_t size) {
    (void)try_fault(serving, arrange, std::nullopt);
    ASSERT_FALSE(HasFailure()) << "without any fault";
    auto all = every_fault_of(recorded_, {Part::host, Part::host_child});
    // The host's own word with the test.
    std::erase_if(all, [](const Fault& fault) {
      const long number = fault.call.kind.number;
      return fault.call.kind.part == Part::host && (number == SYS_read || number == SYS_write);
    });
    try_all(recorded_.size(), all, size, [&](const Fault& fault) { return try_fault(serving, arrange, fault); });
  }

  void SetUp() override {
    FailedServiceTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) asker_ = connect(first_user);
  }
  void TearDown() override {
    asker_.reset();
    FailedServiceTest::TearDown();
  }
  static bool has_alarm(pid_t pid) {
    const auto status = status_of(pid);
    return !status.contains("ShdPnd") || status.at("ShdPnd") != "0000000000000000";
  }
  static LibraryCall remove_socket(uid_t uid, gid_t gid) {
    const std::string path = tmp + "/gtm_mutex003FFFF0";
    write_dead_socket(path, uid, gid);
    return {[=](secshr_t* handle) { return secshr_remove_socket(handle, path.c_str()); }, 0,
            [=] { return !exists(path); }};
  }
  // The old header or the new one, and never anything else.
  static LibraryCall flush(mode_t mode, const protocol::IpcIds& ids) {
    const std::string old_image = DatabaseImage{}.text();
    const std::string new_image = with_ids(old_image, ids);
    write_file(database, old_image, mode, u3, g3);
    return {[=](secshr_t* handle) {
              const secshr_ids wanted{ids.semid, ids.shmid, ids.sem_ctime, ids.shm_ctime};
              return secshr_flush_ids(handle, database.c_str(), &wanted);
            },
            0,
            [=] {
              const std::string now = read_file(database);
              EXPECT_TRUE(now == old_image || now == new_image) << "half written";
              return now == new_image;
            }};
  }

  std::unique_ptr<Client> asker_;  // the user of the library, who has something of its own

 private:
  static bool is_documented(int result) {
    constexpr int results[] = {0,          -EPERM,        -EBUSY,      -EINVAL, -ESRCH, -ENOENT,
                               -ETIMEDOUT, -ECONNREFUSED, -EADDRINUSE, -EIO,    -EACCES};
    return std::ranges::find(results, result) != std::end(results);
  }
  // Of any process that has ended, or of this one.
  static std::vector<std::string> sockets_of(pid_t pid) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(tmp)) {
      const std::string name = entry.path().filename();
      if (name.starts_with(Client::name_of(pid))) found.push_back(name);
    }
    return found;
  }

  bool try_fault(Serving serving, const std::function<LibraryCall()>& arrange, const std::optional<Fault>& fault) {
    if (serving == Serving::broker) {
      become_whole();
    } else {
      end_broker();
    }
    const LibraryCall wanted = arrange();
    LibraryHost host(first_user, wanted.call);
    bool was_disturbed = false;
    {
      const Disturbance disturbance({{host.pid(), Part::host}}, fault);
      EXPECT_TRUE(host.make_call()) << "it does not come back";
      was_disturbed = disturbance.was_disturbed();
      if (!fault) recorded_ = disturbance.made();
      EXPECT_TRUE(disturbance.deaths().empty()) << "somebody died of a signal";
    }
    if (HasFailure()) return was_disturbed;
    const HostReport& report = host.look_back();
    EXPECT_TRUE(is_documented(report.result) || (fault && report.result == -fault->error))
        << report.result << ": " << report.explanation;
    EXPECT_TRUE(report.result == 0 || report.explanation[0] != '\0');
    // What is gone need not be removed, and who says so is believed.
    EXPECT_TRUE(report.result != 0 || wanted.result == 0 || (fault && says_that_it_is_gone(*fault)))
        << "granted what must be refused";
    EXPECT_LT(report.took, LibraryHost::longest_call + std::chrono::milliseconds(3000));
    EXPECT_TRUE(report.keeps_descriptors);
    EXPECT_TRUE(report.keeps_signals);
    EXPECT_FALSE(report.has_children);
    EXPECT_EQ(report.next_result, 0);
    EXPECT_EQ(sockets_of(host.pid()), std::vector<std::string>{});
    if (wanted.is_done) {
      const bool is_awaited = report.result == 0 && !(fault && says_that_it_is_gone(*fault));
      const bool is_done = is_awaited ? eventually([&] { return wanted.is_done(); }) : wanted.is_done();
      EXPECT_TRUE(is_done == (report.result == 0) || (!is_done && fault && says_that_it_is_gone(*fault)))
          << report.result << ": " << report.explanation;
    }
    if (report.result != wanted.result) ++counts_.other_answers;
    if (fault && is_every_system_call_wanted() && report.result != wanted.result) {
      std::cout << *fault << ": " << report.result << ", " << report.explanation << "\n" << std::flush;
    }
    EXPECT_TRUE((fault && !is_to_be_heeded(*fault)) || report.result == wanted.result)
        << report.result << ": " << report.explanation;
    clean_up();
    return was_disturbed;
  }

  std::vector<MadeCall> recorded_;
};

// --- What the broker is asked for ---

TEST_F(LibraryFailedCall, that_asks_whether_somebody_serves) {
  try_each_fault(Serving::broker, [] { return LibraryCall{secshr_ping, 0, {}}; }, 25);
}

TEST_F(LibraryFailedCall, that_starts_a_broker) {
  try_each_fault(Serving::nobody, [] { return LibraryCall{secshr_ping, 0, {}}; }, 20);
}

TEST_F(LibraryFailedCall, that_wakes_and_continues_others) {
  const auto signal = [this](int (*call)(secshr_t*, pid_t)) {
    const pid_t pid = start_sleeper("caught");
    return LibraryCall{[=](secshr_t* handle) { return call(handle, pid); }, 0,
                       [=] { return call == secshr_wake ? has_alarm(pid) : !is_stopped(pid); }};
  };
  try_each_fault(Serving::broker, [&] { return signal(secshr_wake); }, 8);
  try_each_fault(Serving::broker, [&] { return signal(secshr_continue); }, 8);
}

TEST_F(LibraryFailedCall, that_removes_what_others_made) {
  const auto set = [this] {
    const int semid = make_set(*maker_);
    return LibraryCall{[=](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }, 0,
                       [=] { return !set_exists(semid); }};
  };
  const auto segment = [this] {
    const int shmid = make_segment(*maker_);
    return LibraryCall{[=](secshr_t* handle) { return secshr_remove_segment(handle, shmid); }, 0,
                       [=] { return !segment_exists(shmid); }};
  };
  try_each_fault(Serving::broker, set, 12);
  try_each_fault(Serving::broker, segment, 12);
}

TEST_F(LibraryFailedCall, that_removes_what_it_must_not) {
  try_each_fault(
      Serving::broker,
      [this] {
        const int semid = make_set(*maker_, 0600);
        return LibraryCall{[=](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }, -EPERM,
                           [=] { return !set_exists(semid); }};
      },
      12);
}

TEST_F(LibraryFailedCall, that_removes_anothers_socket) {
  try_each_fault(Serving::broker, [] { return remove_socket(u2, g2); }, 15);
}

TEST_F(LibraryFailedCall, that_writes_into_a_header_of_others) {
  try_each_fault(
      Serving::broker, [this] { return flush(0444, ids_of(make_set(*asker_), make_segment(*asker_))); }, 20);
}

// --- What it does by itself ---

TEST_F(LibraryFailedCall, that_signals_and_removes_its_own) {
  const auto set = [this] {
    const int semid = make_set(*asker_, 0600);
    return LibraryCall{[=](secshr_t* handle) { return secshr_remove_semaphore(handle, semid); }, 0,
                       [=] { return !set_exists(semid); }};
  };
  const auto segment = [this] {
    const int shmid = make_segment(*asker_, 0600);
    return LibraryCall{[=](secshr_t* handle) { return secshr_remove_segment(handle, shmid); }, 0,
                       [=] { return !segment_exists(shmid); }};
  };
  try_each_fault(Serving::broker, set, 6);
  try_each_fault(Serving::broker, segment, 6);
  try_each_fault(Serving::broker, [] { return remove_socket(u1, g1); }, 12);
}

TEST_F(LibraryFailedCall, that_writes_into_a_header_of_its_own) {
  try_each_fault(Serving::broker, [] { return flush(0666, {1, -1, 5, 0}); }, 25);
}

}  // namespace
}  // namespace secshr::test
