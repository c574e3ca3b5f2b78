// secshrctl reap on real sockets of several users: what is left over goes, and everything else stays.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "protocol/profile.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "tests/integration/admin/admin_fixture.h"
#include "tests/integration/client.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

constexpr uid_t first_user = 3001;
constexpr uid_t second_user = 3002;

// Of a process that has ended and been waited for.
pid_t dead_pid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  (void)wait_for(child);
  return child;
}

// So that it was not made just now.
void age(const std::string& path) {
  const timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
}

void leave_behind(const std::string& path, uid_t uid = first_user) {
  write_dead_socket(path, uid, uid);
  age(path);
}

class ReapTest : public AdminTest {
 protected:
  static std::string dead_name(const std::string& suffix = {}) {
    static const pid_t pid = dead_pid();
    return Client::name_of(pid, suffix);
  }
  // Of the one file in /tmp: reason and action.
  std::string verdict(const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> all{"reap", "--json", "/tmp"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    status_ = run(all);
    const auto sockets = nlohmann::json::parse(said())["directories"][0]["sockets"];
    if (sockets.size() != 1) return said();
    return sockets[0]["reason"].get<std::string>() + " " + sockets[0]["action"].get<std::string>();
  }
  void expect_left(const std::string& path, const std::string& reason) {
    EXPECT_EQ(verdict({"--do"}), reason + " leave") << path;
    EXPECT_EQ(status_, 0) << complaint();
    EXPECT_TRUE(exists(path)) << path;
  }
  void expect_removed(const std::string& path, const std::string& reason) {
    EXPECT_EQ(verdict(), reason + " remove");
    EXPECT_EQ(status_, 1) << complaint();
    EXPECT_TRUE(exists(path)) << "nothing is removed unless that is asked for";
    EXPECT_EQ(verdict({"--do"}), reason + " removed");
    EXPECT_EQ(status_, 0) << complaint();
    EXPECT_FALSE(exists(path)) << path;
  }
  int status_ = -1;
};

TEST_F(ReapTest, shows_what_it_would_remove_and_removes_it_when_told) {
  const std::string dead = dead_name();
  const pid_t pid = std::stoi(dead.substr(10), nullptr, 16);
  leave_behind("/tmp/" + dead);
  leave_behind("/tmp/" + dead + "b", second_user);
  const Descriptor bound = write_live_socket("/tmp/" + dead + "c", SOCK_DGRAM, first_user, first_user);
  const std::string why = fmt::format("process {} has ended, and nobody is bound to it\n", pid);

  EXPECT_EQ(run({"reap"}), 1) << complaint();
  EXPECT_EQ(said(), fmt::format("/tmp (default)\n"
                                "  would remove      {0}   {1}"
                                "  would remove      {0}b  {1}"
                                "  leaves            {0}c  somebody is bound to it\n"
                                "2 sockets are left over; nothing was removed. To remove: secshrctl reap --do\n",
                                dead, why));
  EXPECT_TRUE(exists("/tmp/" + dead));

  EXPECT_EQ(run({"reap", "--do"}), 0) << complaint();
  EXPECT_EQ(said(), fmt::format("/tmp (default)\n"
                                "  removed           {0}   {1}"
                                "  removed           {0}b  {1}"
                                "  leaves            {0}c  somebody is bound to it\n"
                                "2 of 2 removed.\n",
                                dead, why));
  EXPECT_FALSE(exists("/tmp/" + dead));
  EXPECT_FALSE(exists("/tmp/" + dead + "b"));
  EXPECT_TRUE(exists("/tmp/" + dead + "c"));

  EXPECT_EQ(run({"reap", "--json", "--do"}), 0) << complaint();
  EXPECT_EQ(said(), fmt::format(R"({{
  "dry_run": false,
  "left_over": 0,
  "removed": 0,
  "directories": [
    {{
      "directory": "/tmp",
      "origin": "default",
      "fault": null,
      "sockets": [
        {{
          "name": "{}c",
          "owner": 3001,
          "pid": {},
          "action": "leave",
          "reason": "bound",
          "explanation": "somebody is bound to it"
        }}
      ]
    }}
  ]
}}
)",
                                dead, pid));
}

TEST_F(ReapTest, removes_every_name_that_a_dead_process_can_have_left) {
  for (const std::string& name : {dead_name(), dead_name("a"), dead_name("z"), "ydb" + dead_name().substr(3),
                                  dead_name().substr(4), "gtm_mutex" + dead_name().substr(10)}) {
    leave_behind("/tmp/" + name);
    expect_removed("/tmp/" + name, "dead-process");
  }
}

TEST_F(ReapTest, leaves_the_sockets_of_the_living) {
  Client client({first_user, first_user, {}});
  const std::string path = "/tmp/" + client.socket_name();
  leave_behind(path);
  expect_left(path, "live-process");  // it may be about to bind it
  ASSERT_EQ(client.bind("/tmp/" + Client::name_of(client.pid(), "a")), 0);
  std::filesystem::remove(path);
  expect_left("/tmp/" + Client::name_of(client.pid(), "a"), "bound");
}

TEST_F(ReapTest, leaves_what_anybody_is_bound_to_whatever_its_name_and_type) {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET}) {
    Descriptor bound = write_live_socket("/tmp/" + dead_name(), type, first_user, first_user);
    age("/tmp/" + dead_name());
    expect_left("/tmp/" + dead_name(), "bound");
    bound.reset();
    expect_removed("/tmp/" + dead_name(), "dead-process");
  }
}

TEST_F(ReapTest, leaves_what_is_bound_to_a_socket_that_is_connected_to_another) {
  Descriptor bound = write_live_socket("/tmp/" + dead_name(), SOCK_DGRAM, first_user, first_user);
  const Descriptor other = write_live_socket("/mnt/test/other", SOCK_DGRAM, first_user, first_user);
  const sockaddr_un address = address_of("/mnt/test/other");
  ASSERT_EQ(::connect(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  age("/tmp/" + dead_name());
  expect_left("/tmp/" + dead_name(), "bound");
}

TEST_F(ReapTest, leaves_what_is_bound_in_another_network_namespace) {
  const std::string path = "/tmp/" + dead_name();
  const pid_t elsewhere = ::fork();
  if (elsewhere == 0) {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(1);
    const Descriptor bound = write_live_socket(path, SOCK_DGRAM, first_user, first_user);
    ::pause();
  }
  while (!exists(path)) ::usleep(1000);
  age(path);
  EXPECT_EQ(read_file("/proc/self/net/unix").find(path), std::string::npos) << "the kernel's list does not show it";
  expect_left(path, "bound");
  ASSERT_EQ(::kill(elsewhere, SIGKILL), 0);
  (void)wait_for(elsewhere);
  expect_removed(path, "dead-process");
}

TEST_F(ReapTest, leaves_what_was_made_just_now) {
  const std::string path = "/tmp/" + dead_name();
  write_dead_socket(path, first_user, first_user);
  expect_left(path, "just-made");
  age(path);
  expect_removed(path, "dead-process");
}

TEST_F(ReapTest, removes_nothing_that_is_no_socket) {
  const std::string path = "/tmp/" + dead_name();
  write_file(path, "text");
  expect_left(path, "not-a-socket");
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0666), 0);
  expect_left(path, "not-a-socket");
  std::filesystem::remove(path);
  make_directory(path);
  expect_left(path, "not-a-socket");
  std::filesystem::remove(path);
  // A link, also to what is left over.
  leave_behind("/mnt/test/" + dead_name());
  std::filesystem::create_symlink("/mnt/test/" + dead_name(), path);
  expect_left(path, "not-a-socket");
  EXPECT_TRUE(exists("/mnt/test/" + dead_name()));
}

TEST_F(ReapTest, removes_no_name_that_is_not_of_the_grammar) {
  const std::string digits = dead_name().substr(10);
  for (const std::string& name :
       {"gtm_secshr" + digits + "A", "gtm_secshr" + digits + "aa", "gtm_secshr" + digits + "0",
        "gtm_secshr0" + digits, "gtm_secshr" + digits.substr(1), "gtm_secshr" + digits + "\n",
        std::string("gtm_secshr"), std::string("gtm_secshr00000000"), std::string("gtm_secshr00400001"),
        std::string("gtm_secshr0000abcd"), "gtm_mutex" + digits + "a", std::string("gtm_secshr2e000001"),
        std::string("gtm_secshr2F000001")}) {
    leave_behind("/tmp/" + name);
    expect_left("/tmp/" + name, "not-a-name");
    std::filesystem::remove("/tmp/" + name);
  }
  leave_behind("/tmp/.X11-unix");
  EXPECT_EQ(run({"reap", "--do"}), 0);
  EXPECT_EQ(said(), "/tmp (default)\nNothing is left over.\n");
}

TEST_F(ReapTest, removes_dead_servers_sockets_but_for_the_adopted_installations) {
  const struct stat before = status_of(helper);
  const auto name_for = [](const struct stat& file) {
    return "/tmp/" + std::string(protocol::server_socket_name(protocol::profile(protocol::ProfileId::gtm),
                                                              protocol::server_key(file.st_dev, file.st_ino))
                                     .view());
  };
  leave_behind(name_for(before), 0);
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  expect_removed(name_for(before), "dead-server");  // the original's, which serves no more

  const std::string ours = name_for(status_of(helper));
  leave_behind(ours, 0);
  expect_left(ours, "adopted-server");
  // Where it cannot be told whose it is, it may be an adopted one's.
  write_file(std::string(paths::installations) + "/broken.toml", "profile = 'x'\n");
  leave_behind("/tmp/gtm_secshr2E000001", 0);
  std::filesystem::remove(ours);
  expect_left("/tmp/gtm_secshr2E000001", "adopted-server");
  leave_behind("/mnt/test/" + dead_name());
  EXPECT_EQ(run({"reap", "--do", "/mnt/test"}), 0) << complaint();
  EXPECT_FALSE(exists("/mnt/test/" + dead_name())) << "a client's is no server's";
  std::filesystem::remove(std::string(paths::installations) + "/broken.toml");
  expect_removed("/tmp/gtm_secshr2E000001", "dead-server");

  leave_behind(ours, 0);
  ASSERT_EQ(run({"restore", distribution}), 0) << complaint();
  expect_removed(ours, "dead-server");
  const Descriptor stock = write_live_socket(name_for(before), SOCK_DGRAM, 0, 0, 0666);
  expect_left(name_for(before), "bound");
}

TEST_F(ReapTest, goes_through_pinned_and_remembered_directories_each_once) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  make_directory("/mnt/test/pinned", 01777);
  make_directory("/mnt/test/remembered", 01777);
  make_directory("/mnt/test/replaced", 01777);
  write_file(paths::configuration,
             read_file(paths::configuration) + "tmp = [\"/mnt/test/pinned\", \"/mnt/test/missing\"]\n");
  std::string remembered;
  for (const std::string path : {"/mnt/test/remembered", "/mnt/test/pinned", "/tmp", "/mnt/test/replaced"}) {
    const struct stat status = status_of(path);
    remembered += fmt::format("{} {} {}\n", status.st_dev, status.st_ino, path);
  }
  write_file(std::string(paths::run) + "/gtm/directories", remembered, 0600);
  // What is remembered is the directory and not its name.
  std::filesystem::rename("/mnt/test/replaced", "/mnt/test/moved");
  make_directory("/mnt/test/replaced", 01777);
  for (const std::string path : {"/mnt/test/remembered/", "/mnt/test/pinned/", "/mnt/test/replaced/", "/tmp/"}) {
    leave_behind(path + dead_name());
  }
  EXPECT_EQ(run({"reap", "--do"}), 0) << complaint();
  const std::string line = fmt::format("  removed           {}  process {} has ended, and nobody is bound to it\n",
                                       dead_name(), std::stoi(dead_name().substr(10), nullptr, 16));
  EXPECT_EQ(said(), "/mnt/test/pinned (pinned)\n" + line +
                        "/mnt/test/missing (pinned)\n  is not looked at: No such file or directory\n"
                        "/mnt/test/remembered (remembered)\n" +
                        line + "/tmp (remembered)\n" + line + "3 of 3 removed.\n");
  EXPECT_TRUE(exists("/mnt/test/replaced/" + dead_name()));
}

TEST_F(ReapTest, goes_where_it_is_told_and_nowhere_else) {
  make_directory("/mnt/test/one", 0755, first_user, first_user);
  leave_behind("/mnt/test/one/" + dead_name());
  leave_behind("/tmp/" + dead_name());
  EXPECT_EQ(run({"reap", "--do", "/mnt/test/one", "/mnt/test/one/."}), 0) << complaint();
  EXPECT_FALSE(exists("/mnt/test/one/" + dead_name()));
  EXPECT_TRUE(exists("/tmp/" + dead_name()));
}

TEST_F(ReapTest, follows_no_link_to_a_directory) {
  make_directory("/mnt/test/secret", 0755);
  leave_behind("/mnt/test/secret/" + dead_name());
  std::filesystem::create_symlink("/mnt/test/secret", "/tmp/link");
  make_directory("/mnt/test/way", 0755, first_user, first_user);
  std::filesystem::create_symlink("/mnt/test", "/mnt/test/way/up");
  for (const std::string path :
       {"/tmp/link", "/tmp/link/.", "/mnt/test/way/up/secret", "/proc/self/root/mnt/test/secret"}) {
    EXPECT_EQ(run({"reap", "--do", path}), 4) << path;
    EXPECT_NE(said().find("a symbolic link is on its way"), std::string::npos) << said();
    EXPECT_TRUE(exists("/mnt/test/secret/" + dead_name()));
  }
  EXPECT_EQ(run({"reap", "/mnt/test/nowhere"}), 4);
  EXPECT_EQ(run({"reap", "--do", "/mnt/test/secret"}), 0) << "the control";
  EXPECT_FALSE(exists("/mnt/test/secret/" + dead_name()));
}

TEST_F(ReapTest, is_led_nowhere_by_a_directory_and_a_link_that_change_places) {
  make_directory("/mnt/test/secret");
  const std::string precious = "/mnt/test/secret/" + dead_name();
  leave_behind(precious);
  make_directory("/mnt/test/way", 0755, first_user, first_user);
  make_directory("/mnt/test/way/one", 0755, first_user, first_user);
  std::filesystem::create_symlink("/mnt/test/secret", "/mnt/test/way/other");
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    become({first_user, first_user, {}});
    while (::renameat2(AT_FDCWD, "/mnt/test/way/one", AT_FDCWD, "/mnt/test/way/other", RENAME_EXCHANGE) == 0) {
    }
    ::_exit(1);
  }
  int refusals = 0;
  int attempts = 0;
  for (; attempts < 100 || (refusals == 0 && attempts < 2000); ++attempts) {
    const int status = run({"reap", "--do", "/mnt/test/way/one"});
    ASSERT_TRUE(status == 0 || status == 4) << status << said();
    if (status == 4) ++refusals;
    ASSERT_TRUE(exists(precious)) << "after " << attempts;
  }
  EXPECT_GT(refusals, 0) << "the link was never met";
  EXPECT_LT(refusals, attempts) << "nor the directory";
  ASSERT_EQ(::kill(attacker, SIGKILL), 0);
  EXPECT_EQ(wait_for(attacker), killed_by(SIGKILL));
}

TEST_F(ReapTest, removes_no_file_that_comes_and_goes_under_a_leftovers_name) {
  // In the sticky /tmp a user replaces what has the name over and over: by a leftover, by a link to what is
  // another's, and by a socket that is bound. Each of them is the user's own; what the link leads to is not.
  write_file("/mnt/test/precious", "precious");
  const std::string path = "/tmp/" + dead_name();
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    become({first_user, first_user, {}});
    const std::string aside = "/tmp/aside";
    while (true) {
      std::error_code failed;
      std::filesystem::create_symlink("/mnt/test/precious", aside, failed);
      if (failed) ::_exit(1);
      (void)::rename(aside.c_str(), path.c_str());
      write_dead_socket(aside, first_user, first_user);
      const timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
      (void)::utimensat(AT_FDCWD, aside.c_str(), times, AT_SYMLINK_NOFOLLOW);
      (void)::rename(aside.c_str(), path.c_str());
    }
  }
  bool has_removed = false;
  for (int attempts = 0; attempts < 100 || (!has_removed && attempts < 2000); ++attempts) {
    const int status = run({"reap", "--do", "/tmp"});
    // What was replaced between the look and the removal is said not to be removed.
    ASSERT_TRUE(status == 0 || said().contains("replaced by another file") || said().contains("No such file"))
        << status << said();
    has_removed = has_removed || said().contains("1 of 1 removed");
    ASSERT_EQ(read_file("/mnt/test/precious"), "precious");
  }
  EXPECT_TRUE(has_removed);
  ASSERT_EQ(::kill(attacker, SIGKILL), 0);
  EXPECT_EQ(wait_for(attacker), killed_by(SIGKILL));
}

TEST_F(ReapTest, says_what_it_could_not_remove) {
  make_directory("/mnt/test/frozen", 01777);
  leave_behind("/mnt/test/frozen/" + dead_name());
  ASSERT_EQ(::mount("/mnt/test/frozen", "/mnt/test/frozen", nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, "/mnt/test/frozen", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(run({"reap", "--do", "/mnt/test/frozen"}), 1) << complaint();
  EXPECT_NE(said().find("could not remove  " + dead_name()), std::string::npos) << said();
  EXPECT_NE(said().find("; but: Read-only file system\n0 of 1 removed.\n"), std::string::npos) << said();
  ASSERT_EQ(::umount2("/mnt/test/frozen", MNT_DETACH), 0);
}

TEST_F(ReapTest, does_not_look_where_other_machines_may_be_bound) {
  // No file system of another machine can be had here; of proc it is not known either what it is.
  EXPECT_EQ(run({"reap", "/proc/sys"}), 4);
  EXPECT_NE(said().find("is on no local file system"), std::string::npos) << said();
}

TEST_F(ReapTest, is_roots_alone) {
  EXPECT_EQ(run_unprivileged({"reap"}), 4);
  EXPECT_NE(complaint().find("must be run as root"), std::string::npos);
}

}  // namespace
}  // namespace secshr::test
