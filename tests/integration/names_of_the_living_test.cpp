// Socket files whose name is that of a process that lives. Between bind(2) and the first moment at which it can be
// connected to, a socket file looks like one that was left; so only its own process may say that it was.
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

class NamesOfTheLiving : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    (void)serve();
    asker_ = connect(first_user);
  }
  void TearDown() override {
    asker_.reset();
    BrokerTest::TearDown();
  }
  void expect(const std::string& path, const Expected& expected) {
    (void)expect_answer(*asker_, datagram(*asker_, protocol::RemoveFile{path}, ++sequence_), expected);
    EXPECT_EQ(exists(path), expected.code != 0);
  }

  // All but the one that the process itself binds.
  static std::array<std::string, 3> forms_of(const Client& client) {
    const std::string own = tmp + "/" + client.socket_name();
    std::string mutex = own;
    mutex.replace(mutex.find("gtm_secshr"), std::strlen("gtm_secshr"), "gtm_mutex");
    return {own + "a", own + "z", mutex};
  }

  std::unique_ptr<Client> asker_;
  std::uint64_t sequence_ = 0;
};

TEST_F(NamesOfTheLiving, are_kept_for_them_whoever_owns_the_file_and_are_leftovers_once_they_have_ended) {
  for (const uid_t owner : {u1, u2, u3, uid_t{0}}) {
    for (const mode_t mode : {0755U, 0777U}) {
      SCOPED_TRACE(testing::Message() << "owner " << owner << " mode " << std::oct << mode);
      Client living(second_user);
      const std::string path = tmp + "/" + living.socket_name();
      write_dead_socket(path, owner, 0, mode);
      expect(path, refused(EBUSY, "sock.live"));
      ASSERT_EQ(::kill(living.pid(), SIGKILL), 0);
      ASSERT_TRUE(eventually([&] { return !is_running(living.pid()); }));
      expect(path, served);
    }
  }
}

TEST_F(NamesOfTheLiving, are_kept_in_every_form_of_a_name) {
  Client living(second_user);
  for (const std::string& path : forms_of(living)) {
    write_dead_socket(path, u2, g2);
    expect(path, refused(EBUSY, "sock.live"));
  }
}

TEST_F(NamesOfTheLiving, are_removed_for_the_process_itself) {
  for (const std::string& path : forms_of(*asker_)) {
    for (const uid_t owner : {u1, u2, uid_t{0}}) {
      write_dead_socket(path, owner, 0);
      expect(path, served);
    }
  }
}

}  // namespace
}  // namespace secshr::test
