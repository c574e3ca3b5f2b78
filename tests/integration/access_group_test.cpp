// An installation whose library is not readable by others serves its group only, as the original does.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string library = distribution + "/libgtmshr.so";
const Identity member{u1, g1, {g1, shared_group}};
const Identity member_by_own_gid{u2, shared_group, {}};
const Identity stranger{u3, g3, {}};

class BrokerAccessGroup : public BrokerTest {
 protected:
  static void give_library(mode_t mode, gid_t group, uid_t owner = 0) {
    ASSERT_EQ(::chown(library.c_str(), owner, group), 0);
    ASSERT_EQ(::chmod(library.c_str(), mode), 0);
  }
  static void expect_socket(mode_t mode, gid_t group, const std::string& directory = tmp) {
    struct stat facts{};
    ASSERT_EQ(::lstat(server_in(directory).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode, S_IFSOCK | mode);
    EXPECT_EQ(facts.st_uid, 0U);
    EXPECT_EQ(facts.st_gid, group);
  }
  // The errno of sending, or 0 when there was an answer.
  static int ask(const Identity& identity, const std::string& directory = tmp) {
    const auto client = connect(identity, directory);
    const int error = client->send(server_in(directory), datagram(*client, protocol::Ping{}));
    EXPECT_EQ(client->receive(error == 0 ? std::chrono::seconds(2) : std::chrono::seconds(0)).has_value(),
              error == 0);
    return error;
  }
};

TEST_F(BrokerAccessGroup, of_a_library_that_everybody_may_read_is_nobodys_in_particular) {
  for (const mode_t mode : {0644U, 0444U, 0604U, 0755U}) {
    SCOPED_TRACE(mode);
    give_library(mode, shared_group);
    (void)serve();
    expect_socket(0666, 0);
    for (const Identity& identity : {member, member_by_own_gid, stranger}) EXPECT_EQ(ask(identity), 0);
    kill_other_processes();
  }
}

TEST_F(BrokerAccessGroup, of_a_library_that_others_may_not_read_is_the_only_one_served) {
  // That its group may read it, or others execute it, changes nothing. Neither does whose it is.
  const std::pair<mode_t, uid_t> cases[] = {{0640, 0}, {0600, 0}, {0751, 0}, {0440, u3}, {0, 0}};
  for (const auto& [mode, owner] : cases) {
    SCOPED_TRACE(mode);
    give_library(mode, shared_group, owner);
    (void)serve(stranger);  // whoever starts it
    expect_socket(0660, shared_group);
    EXPECT_EQ(ask(member), 0);
    EXPECT_EQ(ask(member_by_own_gid), 0);
    EXPECT_EQ(ask(stranger), EACCES);
    kill_other_processes();
  }
}

TEST_F(BrokerAccessGroup, has_the_socket_in_a_directory_that_gives_its_own_group_too) {
  give_library(0640, shared_group);
  make_directory("/mnt/test/setgid", 03777, 0, g3);
  (void)serve(member, "/mnt/test/setgid");
  expect_socket(0660, shared_group, "/mnt/test/setgid");
  EXPECT_EQ(ask(member, "/mnt/test/setgid"), 0);
  EXPECT_EQ(ask({u3, g3, {g3}}, "/mnt/test/setgid"), EACCES);
}

TEST_F(BrokerAccessGroup, has_every_directory_that_is_served) {
  make_directory("/mnt/test/pinned", 01777);
  configure("tmp = ['/mnt/test/pinned']\n");
  give_library(0640, shared_group);
  (void)serve();
  expect_socket(0660, shared_group);
  expect_socket(0660, shared_group, "/mnt/test/pinned");
  EXPECT_EQ(ask(member, "/mnt/test/pinned"), 0);
  EXPECT_EQ(ask(stranger, "/mnt/test/pinned"), EACCES);
}

TEST_F(BrokerAccessGroup, keeps_no_starter_from_seeing_that_it_is_served) {
  give_library(0640, shared_group);
  const pid_t broker = serve(member);
  for (const Identity& identity : {member, stranger, Identity{0, 0, {}}}) EXPECT_EQ(serve(identity), broker);
}

TEST_F(BrokerAccessGroup, is_looked_up_by_each_start) {
  give_library(0640, shared_group);
  (void)serve();
  expect_socket(0660, shared_group);
  kill_other_processes();
  give_library(0640, g3);
  (void)serve();
  expect_socket(0660, g3);
  EXPECT_EQ(ask(stranger), 0);
  EXPECT_EQ(ask(member), EACCES);
  kill_other_processes();
  give_library(0644, g3);
  (void)serve();
  expect_socket(0666, 0);
  EXPECT_EQ(ask(member), 0);
}

TEST_F(BrokerAccessGroup, that_cannot_be_told_is_a_refusal) {
  const auto refuse = [] { expect_no_start(StartStatus::bad_installation_path, "library"); };
  fs::rename(library, library + ".2");
  refuse();
  fs::create_symlink(library + ".2", library);
  refuse();
  fs::remove(library);
  make_directory(library);
  refuse();
  fs::remove(library);
  ASSERT_EQ(::mkfifo(library.c_str(), 0644), 0);
  refuse();
  fs::remove(library);
  fs::rename(library + ".2", library);
  (void)serve();
  expect_socket(0666, 0);
}

}  // namespace
}  // namespace secshr::test
