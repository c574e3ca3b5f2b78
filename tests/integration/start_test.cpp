// Starting: what the wrapper exits with, what is written about it, and that nothing half-started stays.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "secshr_paths.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class BrokerStart : public BrokerTest {
 protected:
  // A directory of the tests' with a file that nobody may touch in it.
  static constexpr char victim[] = "/mnt/test/victim";
  static void make_victim() { write_file(victim, "precious\n", 0600, u2, g2); }
};

// --- It serves ---

TEST_F(BrokerStart, exits_with_0_when_the_socket_is_served) {
  (void)serve();
  expect_serving();
  EXPECT_EQ(system_log(), std::vector<std::string>{});
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].at("event"), "started");
  EXPECT_NE(events()[0].at("detail").find(tmp), std::string::npos);
}

TEST_F(BrokerStart, a_request_that_is_sent_as_soon_as_the_wrapper_has_exited_is_served) {
  for (int round = 0; round < 20; ++round) {
    const auto client = connect(first_user);
    const pid_t broker = serve();
    EXPECT_EQ(answer(*client, datagram(*client, protocol::Ping{})), 0);
    ASSERT_EQ(::kill(broker, SIGKILL), 0);
    ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  }
}

TEST_F(BrokerStart, exits_with_0_when_it_is_served_already_and_leaves_that_broker_alone) {
  const pid_t broker = serve(first_user);
  for (const Identity& user : {first_user, second_user, third_user, Identity{0, 0, {}}}) {
    EXPECT_EQ(serve(user), broker);
    EXPECT_TRUE(eventually([&] { return find_broker_processes().brokers == std::vector<pid_t>{broker}; }));
  }
  EXPECT_EQ(events().size(), 1U);
  // The starters' own client sockets are gone: nothing is there but the server's.
  EXPECT_EQ(std::distance(fs::directory_iterator(tmp), fs::directory_iterator()), 1);
}

TEST_F(BrokerStart, exits_with_0_when_it_is_served_already_in_a_directory_that_only_its_owner_may_enter) {
  for (const mode_t mode : {0700U, 0750U, 0770U, 01770U}) {
    SCOPED_TRACE(mode);
    const std::string directory = "/mnt/test/own" + std::to_string(mode);
    make_directory(directory, mode, u1, g1);
    const pid_t broker = serve(first_user, directory);
    EXPECT_EQ(serve(first_user, directory), broker);
    // Its clients are served.
    const auto client = connect(first_user, directory);
    EXPECT_EQ(client->send(server_in(directory), datagram(*client, protocol::Ping{})), 0);
    EXPECT_TRUE(client->receive(std::chrono::seconds(1)).has_value());
    kill_other_processes();
  }
}

TEST_F(BrokerStart, two_hundred_simultaneous_starts_by_two_users_give_one_broker_and_every_starter_is_told_so) {
  std::vector<Running> starters;
  starters.reserve(200);
  for (int index = 0; index < 200; ++index) {
    starters.push_back(start_as(index % 2 == 0 ? first_user : second_user, start_command()));
  }
  int statuses[256] = {};
  for (auto& starter : starters) {
    const Outcome outcome = starter.wait(std::chrono::seconds(60));
    ++statuses[outcome.ending.by_signal ? 255 : outcome.ending.code];
  }
  EXPECT_EQ(statuses[0], 200) << testing::PrintToString(statuses) << testing::PrintToString(system_log());
  const auto holder = lock_holder();
  ASSERT_TRUE(holder.has_value());
  // Helpers of starters that came second leave with them.
  EXPECT_TRUE(eventually([&] { return find_broker_processes().brokers == std::vector<pid_t>{*holder}; }));
  (void)wait_for_processes();
  EXPECT_EQ(events().size(), 1U) << testing::PrintToString(events());
  expect_serving();
}

TEST_F(BrokerStart, an_absent_tmp_variable_means_slash_tmp) {
  EXPECT_EQ(run_as(first_user, {wrapper, {wrapper}, {}, {}}).ending, ending_of(StartStatus::serving));
  expect_serving("/tmp");
}

TEST_F(BrokerStart, a_tmp_that_is_not_absolute_means_slash_tmp_and_is_reported) {
  EXPECT_EQ(start(first_user, "relative").ending, ending_of(StartStatus::serving));
  expect_serving("/tmp");
  EXPECT_EQ(system_log(), std::vector<std::string>{"reason=tmp-replaced detail=none"});
}

TEST_F(BrokerStart, a_broker_that_was_killed_is_followed_by_the_next_start) {
  for (int round = 0; round < 3; ++round) {
    const pid_t broker = serve();
    expect_serving();
    ASSERT_EQ(::kill(broker, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !is_running(broker); }));
    EXPECT_TRUE(exists(server_in())) << "the dead socket keeps the name";
  }
  (void)serve();
  expect_serving();
}

// --- Configuration ---

TEST_F(BrokerStart, refuses_to_start_without_a_configuration) {
  fs::remove(paths::configuration);
  expect_no_start(StartStatus::other, "configuration");
  EXPECT_FALSE(exists(server_in()));
  configure();
  (void)serve();
}

TEST_F(BrokerStart, refuses_a_configuration_that_is_malformed) {
  for (const std::string text :
       {"idle_timeout_s =", "unknown = 1", "idle_timeout_s = 0", "[restrict]\nping = true\n", "broker_uid = 5"}) {
    SCOPED_TRACE(text);
    configure(text + "\n", {});
    expect_no_start(StartStatus::other, "configuration");
  }
  write_file(paths::configuration, "broker_uid = 64101\nlooker_uid = 64102\n");
  expect_no_start(StartStatus::other, "configuration");
  configure("idle_timeout_s = 100\n");
  (void)serve();
}

TEST_F(BrokerStart, names_file_and_place_of_what_is_wrong_in_the_configuration) {
  configure("unknown = 1\n");
  EXPECT_EQ(start().ending, ending_of(StartStatus::other));
  const auto lines = system_log();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find(std::string(paths::configuration) + ":4:1: "), std::string::npos) << lines[0];
}

TEST_F(BrokerStart, refuses_a_configuration_that_others_could_have_written) {
  const std::string directory = fs::path(paths::configuration).parent_path();
  const auto refuse = [&] { expect_no_start(StartStatus::other, "configuration"); };
  for (const mode_t mode : {0664U, 0646U, 0666U}) {
    ASSERT_EQ(::chmod(paths::configuration, mode), 0);
    refuse();
  }
  ASSERT_EQ(::chmod(paths::configuration, 0644), 0);
  ASSERT_EQ(::chown(paths::configuration, u1, 0), 0);
  refuse();
  ASSERT_EQ(::chown(paths::configuration, 0, 0), 0);
  ASSERT_EQ(::chmod(directory.c_str(), 0777), 0);
  refuse();
  ASSERT_EQ(::chmod(directory.c_str(), 0755), 0);
  fs::rename(paths::configuration, directory + "/other.toml");
  fs::create_symlink("other.toml", paths::configuration);
  refuse();
  fs::remove(paths::configuration);
  configure();
  (void)serve();
}

TEST_F(BrokerStart, a_long_detail_is_cut_and_carries_nothing_of_the_process_into_the_system_log) {
  // Escaped, each of these bytes takes four.
  const std::string directory = tmp + "/" + std::string(86 - tmp.size() - 1, '\xff');
  expect_no_start(StartStatus::directory, "missing", first_user, directory);
  configure(std::string(2000, 'k') + " = 1\n");
  expect_no_start(StartStatus::other, "configuration");
}

// --- Adoption ---

TEST_F(BrokerStart, refuses_an_installation_that_is_not_adopted) {
  remove_tree(paths::installations);
  expect_no_start(StartStatus::not_adopted, "not-adopted");
  adopt();
  (void)serve();
}

TEST_F(BrokerStart, refuses_an_installation_whose_wrapper_is_another_file_than_the_adopted_one) {
  make_distribution("/mnt/test/other");
  const Outcome outcome = run_as(first_user, {"/mnt/test/other/gtmsecshr", {"gtmsecshr"}, {"gtm_tmp=" + tmp}, {}});
  EXPECT_EQ(outcome.ending, ending_of(StartStatus::not_adopted));
  (void)serve();
}

TEST_F(BrokerStart, refuses_a_record_that_is_malformed_or_that_others_could_have_written) {
  const std::string record = std::string(paths::installations) + "/test.toml";
  ASSERT_EQ(::chmod(record.c_str(), 0666), 0);
  expect_no_start(StartStatus::not_adopted, "installation-record");
  write_file(record, "profile = \"gtm\"\n");
  expect_no_start(StartStatus::not_adopted, "installation-record");
  adopt();
  (void)serve();
}

TEST_F(BrokerStart, refuses_a_broker_that_others_could_have_written) {
  ASSERT_EQ(::chmod(paths::broker, 0757), 0);
  expect_no_start(StartStatus::broker_not_verified, "broker-not-verified");
  ASSERT_EQ(::chmod(paths::broker, 0755), 0);
  (void)serve();
}

// --- $gtm_tmp ---

TEST_F(BrokerStart, refuses_a_tmp_where_the_invoking_user_could_not_create_a_file) {
  make_directory("/mnt/test/others", 0755, u2, g2);
  make_directory("/mnt/test/locked", 0700);
  make_directory("/mnt/test/locked/inner", 01777);
  make_directory("/mnt/test/grouped", 0770, 0, g2);
  write_file("/mnt/test/file", "");
  const std::pair<std::string, std::string> cases[] = {
      {"/mnt/test/missing", "missing"},
      {"/mnt/test/file", "not-a-directory"},
      {"/mnt/test/others", "not-creatable"},
      {"/mnt/test/locked/inner", "not-creatable"},
      {"/mnt/test/grouped", "not-creatable"},
      {"/etc", "not-creatable"},
      {"/etc/cron.d", "not-creatable"},
      {"/root", "not-creatable"},
      {"/proc/self/cwd", "not-creatable"},
      {"/proc/self/root/tmp", "not-creatable"},
      {"/proc/1/root/mnt/test/tmp", "not-creatable"},
      {"/dev/fd/3", "not-creatable"},
  };
  for (const auto& [directory, reason] : cases) {
    SCOPED_TRACE(directory);
    if (!fs::exists(directory) && reason == "not-creatable" && !directory.starts_with("/dev")) continue;
    expect_no_start(StartStatus::directory, reason, first_user, directory);
  }
  // Whoever may create files there may have it served.
  (void)serve(second_user, "/mnt/test/others");
  kill_other_processes();
  (void)serve({u1, g1, {g2}}, "/mnt/test/grouped");
}

TEST_F(BrokerStart, refuses_a_tmp_of_86_bytes_through_a_magic_link_even_when_it_leads_to_a_good_place) {
  // The wrapper's child is in "/": /proc/self/cwd/tmp would be a fine directory.
  ASSERT_EQ(::access("/proc/self/cwd/tmp", W_OK), 0);
  expect_no_start(StartStatus::directory, "not-creatable", first_user, "/proc/self/cwd/tmp");
  (void)serve(first_user, "/tmp");
}

TEST_F(BrokerStart, a_symbolic_link_to_a_good_directory_is_followed) {
  fs::create_symlink(tmp, "/mnt/test/link");
  (void)serve(first_user, "/mnt/test/link");
  expect_serving();
}

TEST_F(BrokerStart, serves_a_tmp_of_the_longest_length) {
  const std::string directory = tmp + "/" + std::string(86 - tmp.size() - 1, 'd');
  make_directory(directory, 01777);
  (void)serve(first_user, directory);
  expect_serving(directory);
}

TEST_F(BrokerStart, refuses_a_tmp_on_a_read_only_file_system) {
  make_directory("/mnt/test/fixed", 01777);
  ASSERT_EQ(::mount("/mnt/test/fixed", "/mnt/test/fixed", nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, "/mnt/test/fixed", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  expect_no_start(StartStatus::directory, "not-creatable", first_user, "/mnt/test/fixed");
  ASSERT_EQ(::mount(nullptr, "/mnt/test/fixed", nullptr, MS_BIND | MS_REMOUNT, nullptr), 0);
  (void)serve(first_user, "/mnt/test/fixed");
  kill_other_processes();
  ASSERT_EQ(::umount2("/mnt/test/fixed", MNT_DETACH), 0);
}

TEST_F(BrokerStart, refuses_a_tmp_on_a_file_system_that_is_none_of_the_local_ones_unless_it_is_pinned) {
  make_directory("/mnt/test/foreign", 0755);
  ASSERT_EQ(::mount("secshr-tests", "/mnt/test/foreign", "mqueue", 0, nullptr), 0);
  expect_no_start(StartStatus::directory, "file-system", first_user, "/mnt/test/foreign");
  // Pinned it is taken, though this file system has no sockets.
  configure("tmp = [\"/mnt/test/foreign\"]\n");
  EXPECT_EQ(start(first_user, "/mnt/test/foreign").ending, ending_of(StartStatus::directory));
  const auto lines = system_log();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("reason=bind ")) << lines[0];
  ASSERT_EQ(::umount2("/mnt/test/foreign", MNT_DETACH), 0);
}

TEST_F(BrokerStart, refuses_a_tmp_that_is_full) {
  make_directory("/mnt/test/full", 0755);
  ASSERT_EQ(::mount("secshr-tests", "/mnt/test/full", "tmpfs", 0, "mode=1777,nr_inodes=2"), 0);
  {
    const Descriptor last(::open("/mnt/test/full/last", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    ASSERT_TRUE(static_cast<bool>(last));
  }
  expect_no_start(StartStatus::directory, "bind", first_user, "/mnt/test/full");
  ASSERT_EQ(::unlink("/mnt/test/full/last"), 0);
  (void)serve(first_user, "/mnt/test/full");
  kill_other_processes();
  ASSERT_EQ(::umount2("/mnt/test/full", MNT_DETACH), 0);
}

// --- The server's name is taken ---

TEST_F(BrokerStart, refuses_when_a_directory_has_the_servers_name) {
  make_directory(server_in(), 0755, u1, g1);
  expect_no_start(StartStatus::directory, "name-is-a-directory");
  EXPECT_EQ(std::distance(fs::directory_iterator(tmp), fs::directory_iterator()), 1) << "the temporary name was left";
  fs::remove(server_in());
  (void)serve();
}

TEST_F(BrokerStart, replaces_a_file_of_another_user_that_has_the_servers_name) {
  make_victim();
  ASSERT_EQ(::link(victim, server_in().c_str()), 0);
  const FileState before = state_of(victim);
  (void)serve();
  expect_serving();
  EXPECT_EQ(state_of(victim), before);
}

TEST_F(BrokerStart, replaces_a_symbolic_link_that_has_the_servers_name_and_does_not_follow_it) {
  make_victim();
  const FileState before = state_of(victim);
  for (const std::string& target : {std::string(victim), std::string("/mnt/test/nowhere"), tmp, server_in()}) {
    SCOPED_TRACE(target);
    fs::remove(server_in());
    fs::create_symlink(target, server_in());
    ASSERT_EQ(::lchown(server_in().c_str(), u2, g2), 0);
    (void)serve();
    expect_serving();
    EXPECT_TRUE(fs::is_socket(fs::symlink_status(server_in())));
    EXPECT_FALSE(exists("/mnt/test/nowhere"));
    EXPECT_EQ(state_of(victim), before);
    kill_other_processes();
  }
}

TEST_F(BrokerStart, replaces_a_fifo_that_has_the_servers_name_without_waiting_for_it) {
  ASSERT_EQ(::mkfifo(server_in().c_str(), 0666), 0);
  (void)serve();
  expect_serving();
}

TEST_F(BrokerStart, replaces_a_socket_that_another_user_has_bound_and_the_squatter_hears_nothing_more) {
  Client squatter(second_user);
  ASSERT_EQ(squatter.bind(server_in()), 0);
  ASSERT_EQ(::chmod(server_in().c_str(), 0777), 0);
  // The attack works as long as nobody starts.
  const auto client = connect(first_user);
  ASSERT_EQ(client->send(server_in(), datagram(*client, protocol::Ping{})), 0);
  ASSERT_TRUE(squatter.receive().has_value());
  (void)serve();
  EXPECT_EQ(answer(*client, datagram(*client, protocol::Ping{}, 2)), 0);
  EXPECT_FALSE(squatter.receive(silence).has_value());
}

TEST_F(BrokerStart, a_squatter_that_answers_in_the_brokers_place_is_not_taken_for_it) {
  make_directory("/mnt/test/elsewhere", 01777);
  (void)serve(first_user, "/mnt/test/elsewhere");
  Client squatter(second_user);
  ASSERT_EQ(squatter.bind(server_in()), 0);
  ASSERT_EQ(::chmod(server_in().c_str(), 0777), 0);
  Running starter = start_as(first_user, start_command());
  EXPECT_FALSE(squatter.receive(std::chrono::milliseconds(600)).has_value()) << "the squatter was asked";
  // Its name is the broker's now, which serves where it did besides.
  EXPECT_EQ(starter.wait().ending, ending_of(StartStatus::serving));
  expect_serving();
  expect_serving("/mnt/test/elsewhere");
}

// --- The lock ---

TEST_F(BrokerStart, kills_and_replaces_a_broker_that_does_not_answer) {
  const pid_t broker = serve();
  stop({broker});
  const pid_t next = serve(second_user);
  EXPECT_NE(next, broker);
  EXPECT_TRUE(eventually([&] { return !is_running(broker); }));
  expect_serving();
  // Where one answers, however late, it stays.
  stop({next});
  Running starter = start_as(first_user, start_command());
  ::usleep(1'000'000);
  resume({next});
  EXPECT_EQ(starter.wait().ending, ending_of(StartStatus::serving));
  EXPECT_EQ(lock_holder(), next);
}

TEST_F(BrokerStart, a_user_who_locks_what_it_can_open_is_not_in_the_way) {
  // The files exist: a broker has been there.
  const pid_t broker = serve();
  ASSERT_EQ(::kill(broker, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  Client locker(second_user);
  const int locked = locker.run([lock = Text(lock_file), log = Text(log_file)] {
    int count = 0;
    for (const char* path : {lock.text, log.text, "/run/secshr/test", "/run/secshr", "/mnt/test/tmp"}) {
      const int file = ::open(path, O_RDONLY | O_CLOEXEC);
      struct flock whole{};
      whole.l_type = F_RDLCK;
      if (file >= 0 && ::fcntl(file, F_SETLK, &whole) == 0 && std::string_view(path).ends_with("lock")) ++count;
    }
    return count;
  });
  EXPECT_EQ(locked, 0) << "the lock file can be opened by anybody";
  (void)serve();
  expect_serving();
}

// --- What it makes ---

TEST_F(BrokerStart, makes_its_places_and_its_socket_with_exactly_the_pinned_owners_and_modes) {
  (void)serve();
  struct Pinned {
    std::string path;
    mode_t mode;
  };
  const Pinned all[] = {
      {"/run/secshr", S_IFDIR | 0755},     {"/run/secshr/test", S_IFDIR | 0755},     {lock_file, S_IFREG | 0600},
      {"/var/log/secshr", S_IFDIR | 0755}, {"/var/log/secshr/test", S_IFDIR | 0755}, {log_file, S_IFREG | 0640},
      {server_in(), S_IFSOCK | 0666}};
  for (const auto& [path, mode] : all) {
    struct stat status{};
    ASSERT_EQ(::lstat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_mode, mode) << path << " " << std::oct << status.st_mode;
    EXPECT_EQ(status.st_uid, 0U) << path;
    EXPECT_EQ(status.st_gid, 0U) << path;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(tmp), fs::directory_iterator()), 1);
}

TEST_F(BrokerStart, refuses_a_log_that_is_not_roots_own_file) {
  const std::string other = "/var/log/secshr/other";
  write_file(other, "precious\n", 0600);
  const auto refuse = [&] {
    expect_no_start(StartStatus::other, "log");
    fs::remove(log_file);
  };
  make_directory("/var/log/secshr/test");
  fs::create_symlink(other, log_file);
  refuse();
  ASSERT_EQ(::link(other.c_str(), log_file.c_str()), 0);
  refuse();
  ASSERT_EQ(::mkfifo(log_file.c_str(), 0666), 0);
  refuse();
  write_file(log_file, "", 0666, u2, g2);
  refuse();
  write_file(log_file, "", 0660);
  refuse();
  write_file(log_file, "", 0602);
  refuse();
  EXPECT_EQ(read_file(other), "precious\n");
  ASSERT_EQ(::chmod("/var/log/secshr/test", 0777), 0);
  expect_no_start(StartStatus::other, "log-directory");
  ASSERT_EQ(::chmod("/var/log/secshr/test", 0755), 0);
  (void)serve();
}

}  // namespace
}  // namespace secshr::test
