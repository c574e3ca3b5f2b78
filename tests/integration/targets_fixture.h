// A broker that serves, and an object of every kind that a request can be about, of another user's and of root's:
// each is such that an ordinary client's request changes it.
#pragma once

#include <sys/sem.h>
#include <sys/shm.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {

// Whether anything of the client's own decides about it.
enum class DecidedBy { client, target };

struct Target {
  std::string what;
  protocol::Request request;
  DecidedBy decided_by = DecidedBy::client;
  std::function<bool()> changed;
};

class BrokerTargets : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    install_built("tests/sleeper", program, 0755);
    begin();
  }
  virtual void begin() { broker_ = serve(); }
  void TearDown() override {
    targets_.clear();
    maker_.reset();
    BrokerTest::TearDown();
  }

  // All of them, as new.
  void arrange() {
    targets_.clear();
    paths_.clear();
    maker_ = connect(second_user);
    add_set("another user's semaphore set", make_set(*maker_));
    add_set("a semaphore set that root made", root_set());
    add_segment("another user's segment", make_segment(*maker_));
    add_segment("a segment that root made", root_segment());
    add_socket("another user's leftover", tmp + "/gtm_mutex003FFFF0", u2, g2);
    add_socket("root's leftover", tmp + "/gtm_mutex003FFFF1", 0, 0);
    add_database("another user's database", data + "/user.dat", u3, g3);
    add_database("root's database", data + "/root.dat", 0, 0);
    add_process("a stopped process", false);
    add_process("a process that catches the alarm", true);
  }
  void expect_unchanged() const {
    for (const Target& target : targets_) EXPECT_FALSE(target.changed()) << target.what;
  }
  // The control: an ordinary client asks, and each is changed.
  void expect_each_can_be_changed() {
    const auto ordinary = connect(first_user);
    for (const Target& target : targets_) {
      SCOPED_TRACE(target.what);
      (void)expect_answer(*ordinary, target.request, served);
      EXPECT_TRUE(eventually([&] { return target.changed(); }));
    }
  }

  inline static const std::string program = distribution + "/mumps";
  pid_t broker_ = -1;
  std::vector<Target> targets_;

 private:
  // Made by root for the second user, since what root both made and owns is not removed at all.
  static int root_set() {
    const int semid = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    EXPECT_GE(semid, 0);
    give_set(semid, u2, g2, 0666);
    return semid;
  }
  static int root_segment() {
    const int shmid = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    EXPECT_GE(shmid, 0);
    give_segment(shmid, u2, g2, 0666);
    return shmid;
  }
  void add_set(const char* what, int semid) {
    targets_.push_back(
        {what, protocol::RemoveSemaphoreSet{semid}, DecidedBy::client, [semid] { return !set_exists(semid); }});
  }
  void add_segment(const char* what, int shmid) {
    targets_.push_back(
        {what, protocol::RemoveSegment{shmid}, DecidedBy::client, [shmid] { return !segment_exists(shmid); }});
  }
  void add_socket(const char* what, const std::string& path, uid_t uid, gid_t gid) {
    write_dead_socket(path, uid, gid);
    paths_.push_back(path);
    targets_.push_back(
        {what, protocol::RemoveFile{paths_.back()}, DecidedBy::client, [path] { return !exists(path); }});
  }
  // Open by its header, with ids of objects that are gone: whoever may read it may close it.
  void add_database(const char* what, const std::string& path, uid_t uid, gid_t gid) {
    const std::string image = DatabaseImage{.ids = {INT32_MAX, INT32_MAX, 1, 1}}.text();
    write_file(path, image, 0444, uid, gid);
    paths_.push_back(path);
    targets_.push_back({what, protocol::FlushHeader{protocol::closed_ids, paths_.back()}, DecidedBy::client,
                        [path, image] { return read_file(path) != image; }});
  }
  // Stopped: what continues it shows, and an alarm waits for it.
  void add_process(const char* what, bool wake) {
    const pid_t pid = start_as(second_user, {program, {"mumps", "caught"}, {}, {}}).pid();
    EXPECT_TRUE(eventually([pid] { return is_stopped(pid); }));
    if (wake) {
      targets_.push_back({what, protocol::Wake{pid}, DecidedBy::target,
                          [pid] { return status_of(pid).at("ShdPnd") != "0000000000000000"; }});
    } else {
      targets_.push_back(
          {what, protocol::ContinueProcess{pid}, DecidedBy::target, [pid] { return !is_stopped(pid); }});
    }
  }
  static bool is_stopped(pid_t pid) {
    const auto status = status_of(pid);
    return status.contains("State") && status.at("State").starts_with('T');
  }

  std::list<std::string> paths_;  // of the requests, which only refer to them
  std::unique_ptr<Client> maker_;
};

}  // namespace secshr::test
