// A broker that serves, a database that everybody may read and nobody may write, and two readers.
#pragma once

#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"

namespace secshr::test {

using protocol::closed_ids;
using protocol::FlushHeader;
using protocol::IpcIds;

class BrokerFlush : public BrokerTest {
 protected:
  inline static const std::string database = data + "/mumps.dat";

  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    put({});
    broker_ = serve();
    reader_ = connect(first_user);
    other_ = connect(second_user);
  }
  void TearDown() override {
    reader_.reset();
    other_.reset();
    BrokerTest::TearDown();
  }
  static void put(const DatabaseImage& image, mode_t mode = 0444) {
    write_file(database, image.text(), mode, u3, g3);
  }
  static void put_ids(const IpcIds& ids) { put({.ids = ids}); }
  // Nothing but the ids may differ from what was there.
  static void expect_ids(const FileState& before, const IpcIds& ids) {
    FileState wanted = before;
    wanted.contents = with_ids(before.contents, ids);
    EXPECT_EQ(state_of(database), wanted);
  }
  // Expects that the request is refused and the file stays as it is.
  static void expect_refusal(Client& client, const IpcIds& ids, const Expected& expected) {
    const FileState before = state_of(database);
    (void)expect_answer(client, FlushHeader{ids, database}, expected);
    EXPECT_EQ(state_of(database), before);
  }
  // Expects that it is done, and puts the file back.
  static void expect_done(Client& client, const IpcIds& ids) {
    const FileState before = state_of(database);
    (void)expect_answer(client, FlushHeader{ids, database}, served);
    expect_ids(before, ids);
    write_file(database, before.contents, 0444, u3, g3);
  }

  pid_t broker_ = -1;
  std::unique_ptr<Client> reader_, other_;
};

}  // namespace secshr::test
