// Which socket file may be removed: a leftover of the fixed grammar, in the directory that the client may write to.
#include <sys/stat.h>

#include <cerrno>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;

constexpr const char* mutex_name = "gtm_mutex00001A2F";
constexpr const char* client_name = "gtm_secshr00001A2F";
constexpr gid_t staff = 50;

class AuthorizeSocket : public AuthorizeTest {
 protected:
  AuthorizeSocket() { machine.names[mutex_name] = {.owner = other_uid, .mode = S_IFSOCK | 0750, .inode = 77}; }

  std::string decision_for(const std::string& path, const Seen& seen = seen_client()) {
    return decision(protocol::RemoveFile{path}, seen);
  }
  std::string decision_for_mutex(const Seen& seen = seen_client()) {
    return decision_for(std::string("/served/") + mutex_name, seen);
  }
  SimulatedName& name() { return machine.names.at(mutex_name); }

  const std::string sock_name = denied("sock.name", EPERM);
  const std::string sock_live = denied("sock.live", EBUSY);
  const std::string sock_dir = denied("sock.dir", EPERM);
};

TEST_F(AuthorizeSocket, permits_just_the_name_that_was_looked_up_with_the_clients_rights) {
  const Seen seen = seen_client({staff});
  const std::string path = std::string("/served/") + mutex_name;
  const auto permit = authorize(protocol::RemoveFile{path}, &seen);
  ASSERT_TRUE(permit);
  const auto& removal = std::get<Permit<SocketRemoval>>(*permit).what();
  EXPECT_EQ(removal.directory, SimulatedMachine::served_directory);
  EXPECT_EQ(removal.name.view(), mutex_name);
  EXPECT_EQ(removal.rights.uid, my_uid);
  EXPECT_EQ(removal.rights.gid, my_gid);
  ASSERT_EQ(removal.rights.groups.size(), 1U);
  EXPECT_EQ(removal.rights.groups[0], staff);
  EXPECT_EQ(removal.facts.inode, 77U);
  EXPECT_EQ(removal.facts.owner, other_uid);
  EXPECT_TRUE(machine.journal.empty()) << "to authorize changes nothing";
}

TEST_F(AuthorizeSocket, permits_the_leftovers_of_clients_too_and_roots_all_the_same) {
  for (const std::string& each : {std::string(client_name), std::string(client_name) + "q"}) {
    machine.names[each] = {.owner = 0};
    EXPECT_EQ(decision_for("/served/" + each), permitted) << each;
  }
  name().owner = 0;
  EXPECT_EQ(decision_for_mutex(), permitted);
}

// A process that lives may be about to bind what it has just made: whoever owns the file, and however it is told
// whether somebody is bound.
TEST_F(AuthorizeSocket, refuses_the_name_of_a_process_that_lives_and_is_not_the_client) {
  for (const uid_t owner : {other_uid, my_uid, uid_t{0}}) {
    for (const bool only_listed : {false, true}) {
      start_anew();
      const auto decision_for_pid = [&](pid_t pid) {
        const std::string each(protocol::client_socket_name(protocol::profile(protocol::ProfileId::gtm), pid).view());
        machine.names[each] = {.owner = owner, .mode = S_IFSOCK | 0755, .only_listed = only_listed};
        return decision_for("/served/" + each);
      };
      EXPECT_EQ(decision_for_pid(other_pid), sock_live);
      EXPECT_EQ(decision_for_pid(my_other_pid), sock_live);
      EXPECT_EQ(decision_for_pid(my_pid), permitted);
      machine.processes.at(other_pid).alive = false;
      EXPECT_EQ(decision_for_pid(other_pid), permitted);
      machine.processes.at(other_pid).zombie = true;
      EXPECT_EQ(decision_for_pid(other_pid), permitted);
      EXPECT_EQ(decision_for_pid(99999), permitted) << "there is no such process";
      machine.open_process_error = EPERM;
      EXPECT_EQ(decision_for_pid(99999), sock_live) << "nobody knows";
      machine.open_process_error.reset();
    }
  }
}

// Each of these is there, and is a socket to which nobody is bound.
TEST_F(AuthorizeSocket, refuses_names_outside_the_grammar_though_they_are_leftover_sockets) {
  using namespace std::string_literals;
  for (const std::string& each : {""s,
                                  "."s,
                                  ".."s,
                                  "X11-unix"s,
                                  "gtm_mutex"s,
                                  "gtm_mutex0001A2F"s,
                                  "gtm_mutex000001A2F"s,
                                  "gtm_mutex00001a2f"s,
                                  "gtm_mutex00001A2Fa"s,
                                  "gtm_mutex00000000"s,
                                  "gtm_mutex7FFFFFFF"s,
                                  "GTM_MUTEX00001A2F"s,
                                  "gtm_secshr"s,
                                  "gtm_secshr00001a2f"s,
                                  "gtm_secshr00001A2Faa"s,
                                  "gtm_secshr00001A2FA"s,
                                  "gtm_secshr0001A2F"s,
                                  "gtm_secshr000001A2F"s,
                                  "gtm_secshr00001A2F\n"s,
                                  "gtm_secshr00001A2F\0"s,
                                  "ydb_secshr00001A2F"s,
                                  "gtm_secshr2E9E59CB"s,
                                  "gtm_secshr2E9E59CBa"s,
                                  "gtm_secshr2E"s}) {
    machine.names[each] = {};
    EXPECT_EQ(decision_for("/served/" + each), sock_name) << each;
  }
}

TEST_F(AuthorizeSocket, refuses_a_path_whose_directory_is_not_the_one_that_the_client_came_from) {
  for (const char* directory : {"", "/", "/served", "//served/", "/served//", "/served/./", "/served/../served/",
                                "/elsewhere/", "/served/sub/", "/served/../", "served/", "/SERVED/"}) {
    EXPECT_EQ(decision_for(directory + std::string(mutex_name)), sock_name) << directory;
  }
  EXPECT_EQ(decision_for_mutex(), permitted);
  // However the client calls it: nothing of it is ever looked up.
  sender_directory = "/elsewhere/";
  EXPECT_EQ(decision_for_mutex(), sock_name);
  EXPECT_EQ(decision_for(std::string("/elsewhere/") + mutex_name), permitted);
}

TEST_F(AuthorizeSocket, refuses_what_is_not_a_socket) {
  for (const mode_t type : std::initializer_list<mode_t>{S_IFREG, S_IFDIR, S_IFIFO, S_IFLNK, S_IFCHR, S_IFBLK, 0}) {
    name().mode = type | 0777U;
    EXPECT_EQ(decision_for_mutex(), sock_name) << type;
    name().owner = my_uid;
    EXPECT_EQ(decision_for_mutex(), sock_name) << type;
  }
  name().mode = S_IFSOCK;
  EXPECT_EQ(decision_for_mutex(), permitted);
}

TEST_F(AuthorizeSocket, refuses_a_socket_that_somebody_is_bound_to_even_the_clients_own) {
  for (const uid_t owner : {other_uid, my_uid, uid_t{0}}) {
    name() = {.owner = owner, .bound = true};
    EXPECT_EQ(decision_for_mutex(), sock_live) << owner;
    name().bound = false;
    EXPECT_EQ(decision_for_mutex(), permitted) << owner;
  }
}

TEST_F(AuthorizeSocket, refuses_where_the_client_cannot_write_to_the_directory) {
  machine.directory = {.owner = other_uid, .group = staff, .mode = S_IFDIR | 0775};
  EXPECT_EQ(decision_for_mutex(), sock_dir);
  EXPECT_EQ(decision_for_mutex(seen_client({staff})), permitted);
  // Even what is its own.
  name().owner = my_uid;
  EXPECT_EQ(decision_for_mutex(), sock_dir);
  machine.directory.owner = my_uid;
  EXPECT_EQ(decision_for_mutex(), permitted);
}

TEST_F(AuthorizeSocket, refuses_where_the_client_cannot_search_the_directory) {
  machine.directory = {.owner = other_uid, .group = staff, .mode = S_IFDIR | 0776};
  EXPECT_EQ(decision_for_mutex(), sock_dir);
  machine.directory.mode = S_IFDIR | 0777;
  EXPECT_EQ(decision_for_mutex(), permitted);
}

// A group can be shut out of what is open to others.
TEST_F(AuthorizeSocket, refuses_a_member_of_a_group_that_is_shut_out) {
  machine.directory = {.owner = other_uid, .group = staff, .mode = S_IFDIR | 01757};
  EXPECT_EQ(decision_for_mutex(seen_client({staff})), sock_dir);
  EXPECT_EQ(decision_for_mutex(), permitted);
}

TEST_F(AuthorizeSocket, tells_a_missing_name_as_missing_and_refuses_where_nobody_can_tell) {
  machine.names.clear();
  EXPECT_EQ(decision_for_mutex(), denied("-", ENOENT));
  machine.names[mutex_name] = {};
  for (const int error : {EACCES, EPERM, EMFILE, ELOOP, EIO, ENOTDIR}) {
    machine.name_error = error;
    EXPECT_EQ(decision_for_mutex(), sock_dir) << error;
  }
}

// Whoever may not write to the directory is told nothing of what is in it but that it is there.
TEST_F(AuthorizeSocket, asks_about_the_directory_then_the_name_then_its_use) {
  machine.directory.mode = S_IFDIR | 0755;
  name() = {.owner = other_uid, .mode = S_IFREG | 0644, .bound = true};
  EXPECT_EQ(decision_for_mutex(), sock_dir);
  machine.directory.mode = S_IFDIR | 01777;
  EXPECT_EQ(decision_for_mutex(), sock_name);
  name().mode = S_IFSOCK | 0644;
  EXPECT_EQ(decision_for_mutex(), sock_live);
}

TEST_F(AuthorizeSocket, tells_the_record_whose_socket_it_refused) {
  const std::string path = std::string("/served/") + mutex_name;
  const auto object_of = [&]() -> std::optional<ObjectFacts> {
    const Seen seen = seen_client();
    const auto permit = authorize(protocol::RemoveFile{path}, &seen);
    EXPECT_FALSE(permit);
    return permit ? std::nullopt : permit.error().object;
  };
  const auto expect_object = [&](unsigned mode) {
    const auto object = object_of();
    ASSERT_TRUE(object);
    EXPECT_EQ(object->owner, other_uid);
    EXPECT_EQ(object->mode, mode);
  };
  name().bound = true;
  expect_object(S_IFSOCK | 0750);
  name().mode = S_IFREG | 0640;
  expect_object(S_IFREG | 0640);
  machine.directory.mode = S_IFDIR | 0755;
  expect_object(S_IFREG | 0640);
  machine.names.clear();
  EXPECT_FALSE(object_of());
}

}  // namespace
}  // namespace secshr
