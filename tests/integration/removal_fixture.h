// A broker that serves, objects that one user has made, and another user that asks for their removal.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"

namespace secshr::test {

// The two kinds of objects, for what holds for both.
struct SemaphoreSets {
  using Request = protocol::RemoveSemaphoreSet;
  static constexpr const char* request = "remove-semaphore-set";
  static constexpr const char* rule = "sem.alter";
  static constexpr unsigned enough = 02;      // what it takes
  static constexpr unsigned too_little = 05;  // all but that
  static int make(Client& maker, unsigned mode) { return make_set(maker, static_cast<int>(mode)); }
  static void give(int id, uid_t uid, gid_t gid, unsigned mode) { give_set(id, uid, gid, mode); }
  static void remove(int id) { remove_set(id); }
  static auto& of(IpcListing& listing) { return listing.sets; }
};
struct Segments {
  using Request = protocol::RemoveSegment;
  static constexpr const char* request = "remove-segment";
  static constexpr const char* rule = "shm.rw";
  static constexpr unsigned enough = 06;
  static constexpr unsigned too_little = 04;
  static int make(Client& maker, unsigned mode) { return make_segment(maker, static_cast<int>(mode)); }
  static void give(int id, uid_t uid, gid_t gid, unsigned mode) { give_segment(id, uid, gid, mode); }
  static void remove(int id) { remove_segment(id); }
  static auto& of(IpcListing& listing) { return listing.segments; }
};

class BrokerRemoval : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    begin();
  }
  void TearDown() override {
    end();
    BrokerTest::TearDown();
  }
  void end() {
    asker_.reset();
    maker_.reset();
    stranger_.reset();
    if (why_no_private_world().empty()) kill_other_processes();
  }
  void begin() {
    broker_ = serve();
    asker_ = connect(first_user);
    maker_ = connect(second_user);
    stranger_ = connect(third_user);
    // So that the ids of one kind are not those of the other, and so that there is something else to vanish.
    for (const unsigned mode : {0600U, 0666U, 0666U}) (void)make_segment(*stranger_, static_cast<int>(mode));
    (void)make_set(*stranger_);
  }

  // Nothing changes, and the record says who owns what was not removed.
  template <typename Kind>
  static void expect_kept(Client& client, int id, const Expected& expected) {
    IpcListing before = all_ipc_objects();
    const auto record = expect_answer(client, typename Kind::Request{id}, expected);
    EXPECT_EQ(all_ipc_objects(), before);
    expect_names<Kind>(record, id);
    // Who is refused as somebody, before the object was looked at, has nothing of it in the record.
    if (Kind::of(before).contains(id) && !expected.rule.starts_with("peer.") && expected.rule != "cfg.off") {
      expect_facts(record, Kind::of(before).at(id));
    }
  }
  // It is gone, and nothing else is.
  template <typename Kind>
  static void expect_removed(Client& client, int id) {
    IpcListing before = all_ipc_objects();
    ASSERT_TRUE(Kind::of(before).contains(id));
    const IpcEntry object = Kind::of(before).at(id);
    const auto record = expect_answer(client, typename Kind::Request{id}, served);
    Kind::of(before).erase(id);
    EXPECT_EQ(all_ipc_objects(), before);
    expect_names<Kind>(record, id);
    expect_facts(record, object);
  }

  pid_t broker_ = -1;
  std::unique_ptr<Client> asker_, maker_, stranger_;

 private:
  template <typename Kind>
  static void expect_names(const LogRecord& record, int id) {
    ASSERT_TRUE(record.contains("req"));
    EXPECT_EQ(record.at("req"), Kind::request);
    EXPECT_EQ(record.at("obj"), std::to_string(id));
  }
  static void expect_facts(const LogRecord& record, const IpcEntry& object) {
    std::array<char, 8> mode{};
    (void)std::snprintf(mode.data(), mode.size(), "%04o", object.mode);
    EXPECT_EQ(record.at("owner"), std::to_string(object.uid));
    EXPECT_EQ(record.at("mode"), mode.data());
  }
};

}  // namespace secshr::test
