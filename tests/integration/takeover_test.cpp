// A start that takes a running broker's place: for another directory, or because root wants everything opened anew.
// Nobody who asks meanwhile may notice.
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <vector>

#include "secshr/limits.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/held_start.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string taken_over_tmp = "/mnt/test/other";
const std::string ctl = "/usr/bin/secshrctl";

bool is_alone(pid_t broker) {
  return find_broker_processes().brokers == std::vector<pid_t>{broker};
}

class BrokerTakeover : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(taken_over_tmp, 01777);
  }
};

TEST_F(BrokerTakeover, another_directory_is_served_besides_the_first) {
  const pid_t first = serve(first_user, tmp);
  const pid_t second = serve(second_user, taken_over_tmp);
  EXPECT_NE(second, first);
  expect_serving(tmp);
  expect_serving(taken_over_tmp);
  EXPECT_TRUE(eventually([&] { return is_alone(second); }));
  // Who starts in either finds it served.
  EXPECT_EQ(serve(second_user, tmp), second);
  EXPECT_EQ(serve(first_user, taken_over_tmp), second);
  // By another name, too.
  fs::create_directory_symlink(taken_over_tmp, "/mnt/test/link");
  EXPECT_EQ(serve(first_user, "/mnt/test/link"), second);
  const auto told = events();
  ASSERT_EQ(told.size(), 3U) << read_file(log_file);
  EXPECT_TRUE(told[1].at("detail").starts_with("taken-over") || told[2].at("detail").starts_with("taken-over"));
}

TEST_F(BrokerTakeover, what_was_asked_of_the_former_broker_is_answered_by_it) {
  const pid_t first = serve();
  const auto client = connect(first_user);
  const auto lookers = wait_for_processes().lookers;
  stop(lookers);
  // It waits for a look.
  ASSERT_EQ(client->send(server_in(), datagram(*client, protocol::RemoveSemaphoreSet{123456})), 0);
  ::usleep(50'000);
  const pid_t second = serve(second_user, taken_over_tmp);
  EXPECT_NE(second, first);
  EXPECT_TRUE(is_running(first)) << "it has left a request behind";
  expect_serving(tmp);
  resume(lookers);
  const auto reply = client->receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(static_cast<int>(reply->at(0)), EINVAL);
  EXPECT_TRUE(eventually([&] { return is_alone(second); }));
}

TEST_F(BrokerTakeover, two_hundred_starts_in_twelve_directories_end_with_one_broker_that_serves_all) {
  constexpr std::size_t directories = 12;
  std::vector<std::string> names;
  for (std::size_t index = 0; index < directories; ++index) {
    names.push_back("/mnt/test/many" + std::to_string(index));
    make_directory(names.back(), 01777);
  }
  std::vector<Running> starters;
  starters.reserve(200);
  for (std::size_t index = 0; index < 200; ++index) {
    starters.push_back(
        start_as(index % 2 == 0 ? first_user : second_user, start_command(names.at(index % directories))));
  }
  for (auto& starter : starters) {
    EXPECT_EQ(starter.wait(std::chrono::seconds(60)).ending, ending_of(StartStatus::serving));
  }
  for (const std::string& name : names) expect_serving(name);
  const auto holder = lock_holder();
  ASSERT_TRUE(holder.has_value());
  EXPECT_TRUE(eventually([&] { return is_alone(*holder); }));
}

TEST_F(BrokerTakeover, a_directory_that_is_idle_makes_room_for_another) {
  configure("max_directories = 3\n");  // one of them is /tmp's
  const std::string third = "/mnt/test/third";
  make_directory(third, 01777);
  (void)serve(first_user, tmp);
  (void)serve(second_user, taken_over_tmp);
  ::usleep(1'100'000);
  expect_serving(tmp);
  (void)serve(third_user, third);
  expect_serving(tmp);
  expect_serving(third);
  const auto client = connect(second_user, taken_over_tmp);
  EXPECT_EQ(client->send(server_in(taken_over_tmp), datagram(*client, protocol::Ping{})), ECONNREFUSED);
  // It comes back when it is asked for.
  (void)serve(second_user, taken_over_tmp);
  expect_serving(taken_over_tmp);
  // And /tmp always has its place.
  (void)serve(second_user, "/tmp");
  expect_serving("/tmp");
}

TEST_F(BrokerTakeover, what_was_served_is_served_again_after_an_end_and_after_a_death) {
  for (const int signal : {SIGHUP, SIGTERM, SIGKILL}) {
    (void)serve(first_user, tmp);
    const pid_t broker = serve(second_user, taken_over_tmp);
    ASSERT_EQ(::kill(broker, signal), 0);
    ASSERT_TRUE(eventually([&] { return find_broker_processes().all().empty(); }));
    (void)serve(first_user, tmp);
    expect_serving(tmp);
    expect_serving(taken_over_tmp);
  }
  // But not where it is another directory by now.
  fs::rename(taken_over_tmp, "/mnt/test/moved");
  make_directory(taken_over_tmp, 01777);
  const auto holder = lock_holder();
  ASSERT_TRUE(holder.has_value());
  ASSERT_EQ(::kill(*holder, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return find_broker_processes().all().empty(); }));
  (void)serve(first_user, tmp);
  EXPECT_FALSE(exists(server_in(taken_over_tmp)));
}

TEST_F(BrokerTakeover, nobody_can_have_a_broker_killed_that_answers_root) {
  const pid_t broker = serve(second_user, tmp);
  // Whatever name a client socket of a starter could have is taken.
  make_directory("/mnt/test/own", 0700, u1, g1);
  for (pid_t pid = ::getpid(); pid < ::getpid() + 400; ++pid) {
    make_directory("/mnt/test/own/" + Client::name_of(pid), 0700, u1, g1);
  }
  const pid_t next = serve(first_user, "/mnt/test/own");
  EXPECT_NE(next, broker);
  EXPECT_EQ(serve(first_user, "/mnt/test/own"), next);
  expect_serving(tmp);
}

TEST_F(BrokerTakeover, a_user_cannot_have_it_all_the_time) {
  (void)serve(second_user, tmp);
  unsigned had = 0;
  for (unsigned index = 0; index < limits::takeovers_per_minute_per_uid + 1; ++index) {
    const std::string name = "/mnt/test/own" + std::to_string(index);
    make_directory(name, 0700, u1, g1);
    EXPECT_EQ(system_log(), std::vector<std::string>{});
    had += start(first_user, name).ending == ending_of(StartStatus::serving) ? 1 : 0;
  }
  EXPECT_EQ(had, limits::takeovers_per_minute_per_uid);
  const auto lines = system_log();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("reason=too-many-takeovers ")) << lines[0];
  // Others can, and what is served stays so.
  expect_serving(tmp);
  (void)serve(second_user, taken_over_tmp);
  expect_serving(taken_over_tmp);
}

TEST_F(BrokerTakeover, a_group_that_may_take_the_name_away_cannot_have_it_all_the_time_either) {
  const std::string shared = "/mnt/test/shared";
  make_directory(shared, 0775, 0, shared_group);
  (void)serve(second_user, tmp);
  unsigned had = 0;
  for (unsigned index = 0; index < limits::takeovers_per_minute_per_uid + 1; ++index) {
    EXPECT_EQ(system_log(), std::vector<std::string>{});
    had += start(first_user, shared).ending == ending_of(StartStatus::serving) ? 1 : 0;
    (void)as_user(first_user, [&] { return ::unlink(server_in(shared).c_str()); });
  }
  EXPECT_EQ(had, limits::takeovers_per_minute_per_uid);
  EXPECT_EQ(system_log().size(), 1U);
  // Where nobody can, each start is for a directory of root's that is new.
  for (unsigned index = 0; index < limits::takeovers_per_minute_per_uid + 1; ++index) {
    const std::string sticky = "/mnt/test/sticky" + std::to_string(index);
    make_directory(sticky, 01777);
    (void)serve(first_user, sticky);
  }
}

TEST_F(BrokerTakeover, a_directory_that_is_always_to_be_served_and_is_not_there_is_told_of) {
  configure("tmp = ['/mnt/test/nowhere', '" + taken_over_tmp + "']\n");
  (void)serve(first_user, tmp);
  expect_serving(taken_over_tmp);
  const auto told = events();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].at("event"), "directory-not-served");
  EXPECT_EQ(told[1].at("detail"), "/mnt/test/nowhere: No such file or directory");
}

TEST_F(BrokerTakeover, of_what_another_has_taken_over_meanwhile_goes_by_the_new_broker) {
  const std::string third = "/mnt/test/third";
  make_directory(third, 01777);
  (void)serve(first_user, tmp);
  // It knows what the first broker serves. By the time that it is its turn there is another, which serves more.
  EXPECT_EQ(run_held(second_user, start_command(taken_over_tmp), HoldBefore::its_turn,
                     [&](pid_t) { (void)serve(first_user, third); }),
            ending_of(StartStatus::serving));
  EXPECT_EQ(system_log(), std::vector<std::string>{}) << "a broker was killed";
  for (const std::string& directory : {tmp, taken_over_tmp, third}) expect_serving(directory);
  const auto holder = lock_holder();
  ASSERT_TRUE(holder.has_value());
  EXPECT_TRUE(eventually([&] { return is_alone(*holder); }));
}

TEST_F(BrokerTakeover, that_has_taken_longer_than_the_broker_listens_lets_it_end_in_order) {
  configure("max_directories = 3\n");  // one of them is /tmp's
  const std::string third = "/mnt/test/third";
  make_directory(third, 01777);
  (void)serve(first_user, tmp);
  (void)serve(first_user, third);
  // It does not notice by the names alone: one of them stays.
  EXPECT_EQ(run_held(second_user, start_command(taken_over_tmp), HoldBefore::its_turn,
                     [](pid_t) { ::usleep(1000 * (limits::control_patience.count() + 200)); }),
            ending_of(StartStatus::serving));
  EXPECT_EQ(system_log(), std::vector<std::string>{}) << "a broker was killed";
  expect_serving(taken_over_tmp);
}

TEST_F(BrokerTakeover, by_reload_opens_everything_anew_and_serves_every_directory) {
  const auto reload = [](const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"secshrctl", "reload"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_as(Identity{0, 0, {}}, {ctl, all, {}, {}});
  };
  EXPECT_EQ(reload({}).ending, exited(3)) << "nobody runs";
  (void)serve(first_user, tmp);
  const pid_t before = serve(second_user, taken_over_tmp);
  // As logrotate leaves it, and an administrator.
  const std::string rotated = log_file + ".1";
  fs::rename(log_file, rotated);
  configure("idle_timeout_s = 100\n");
  EXPECT_EQ(lock_holder(), before);
  const Outcome reloaded = reload({"test"});
  EXPECT_EQ(reloaded.ending, exited(0)) << reloaded.errors;
  const auto after = lock_holder();
  ASSERT_TRUE(after.has_value());
  EXPECT_NE(*after, before);
  EXPECT_NE(reloaded.output.find(std::to_string(*after)), std::string::npos) << reloaded.output;
  expect_serving(tmp);
  expect_serving(taken_over_tmp);
  EXPECT_TRUE(fs::exists(log_file)) << "the log was not opened anew";
  EXPECT_EQ(reload({"nobody"}).ending, exited(1));
  configure("idle_timeout_s = 'soon'\n");
  const Outcome refused = reload({});
  EXPECT_EQ(refused.ending, exited(1));
  EXPECT_NE(refused.errors.find("secshr.toml:"), std::string::npos) << refused.errors;
  EXPECT_EQ(as_user(first_user, [] { return ::execl(ctl.c_str(), "secshrctl", "reload", nullptr); }), exited(4));
  EXPECT_EQ(lock_holder(), after);
}

TEST_F(BrokerTakeover, by_reload_that_can_only_go_on_with_the_kept_configuration_is_a_finding) {
  const auto reload = [] { return run_as(Identity{0, 0, {}}, {ctl, {"secshrctl", "reload"}, {}, {}}); };
  const pid_t before = serve();
  make_directory("/mnt/test/anybodys", 0777);
  configure("log_directory = '/mnt/test/anybodys'\n");
  const Outcome reloaded = reload();
  EXPECT_EQ(reloaded.ending, exited(1));
  EXPECT_NE(reloaded.errors.find("the kept configuration is in force"), std::string::npos) << reloaded.errors;
  EXPECT_NE(lock_holder(), before);
  expect_serving();
  EXPECT_EQ(system_log().size(), 1U);
  const Outcome status = run_as(Identity{0, 0, {}}, {ctl, {"secshrctl", "status"}, {}, {}});
  EXPECT_NE(status.output.find("which is not the file's"), std::string::npos) << status.output;
  // The control.
  ASSERT_EQ(::chmod("/mnt/test/anybodys", 0755), 0);
  EXPECT_EQ(reload().ending, exited(0));
}

TEST_F(BrokerTakeover, by_reload_that_fails_leaves_the_former_broker_as_it_was) {
  const pid_t broker = serve();
  fs::remove_all("/var/log/secshr/test");
  write_file("/var/log/secshr/test", "in the way\n");
  EXPECT_EQ(run_as(Identity{0, 0, {}}, {ctl, {"secshrctl", "reload"}, {}, {}}).ending, exited(4));
  EXPECT_EQ(lock_holder(), broker);
  const auto client = connect(first_user);
  EXPECT_EQ(answer(*client, datagram(*client, protocol::Ping{})), 0);
}

TEST_F(BrokerTakeover, that_fails_leaves_the_former_broker_as_it_was) {
  const pid_t broker = serve(first_user, tmp);
  make_directory(server_in(taken_over_tmp), 0755);  // nothing can be renamed over it
  EXPECT_EQ(start(second_user, taken_over_tmp).ending, ending_of(StartStatus::directory));
  EXPECT_EQ(lock_holder(), broker);
  expect_serving(tmp);
  fs::remove(server_in(taken_over_tmp));
  (void)serve(second_user, taken_over_tmp);
  expect_serving(taken_over_tmp);
}

// The user's directory is the first that the broker tells of, as it was the last to come.
TEST_F(BrokerTakeover, by_reload_is_not_in_the_hands_of_a_user_whose_directory_cannot_be_served) {
  (void)serve(second_user, tmp);
  make_directory("/mnt/test/own", 0700, u1, g1);
  const pid_t before = serve(first_user, "/mnt/test/own");
  const auto spoil = [] {
    const std::string name = server_in("/mnt/test/own");
    return ::unlink(name.c_str()) == 0 && ::mkdir(name.c_str(), 0700) == 0 ? 0 : errno;
  };
  EXPECT_EQ(as_user(first_user, spoil), exited(0));
  const Outcome reloaded = run_as(Identity{0, 0, {}}, {ctl, {"secshrctl", "reload"}, {}, {}});
  EXPECT_EQ(reloaded.ending, exited(0)) << reloaded.errors;
  EXPECT_NE(lock_holder(), before);
  expect_serving(tmp);
}

TEST_F(BrokerTakeover, is_not_in_the_hands_of_a_user_who_fills_its_own_file_system) {
  const std::string small = "/mnt/test/small";
  make_directory(small, 0755);
  ASSERT_EQ(::mount("secshr-tests", small.c_str(), "tmpfs", 0, "mode=700,uid=71001,gid=72001,nr_inodes=6"), 0);
  (void)serve(second_user, tmp);
  const pid_t before = serve(first_user, small);
  EXPECT_EQ(as_user(first_user,
                    [&] {
                      for (int each = 0; each < 10; ++each) {
                        if (::mkdir((small + "/" + std::to_string(each)).c_str(), 0700) != 0) return errno;
                      }
                      return 0;
                    }),
            exited(ENOSPC));
  EXPECT_NE(serve(second_user, taken_over_tmp), before);
  expect_serving(tmp);
  expect_serving(taken_over_tmp);
}

TEST_F(BrokerTakeover, for_which_there_is_no_room_in_run_leaves_the_former_broker_as_it_was) {
  const pid_t before = serve(first_user, tmp);
  std::vector<std::string> fillers;
  ASSERT_EQ(::mount(nullptr, "/run", nullptr, MS_REMOUNT, "nr_inodes=40"), 0) << std::strerror(errno);
  for (int each = 0; each < 40; ++each) {
    fillers.push_back("/run/secshr/filler" + std::to_string(each));
    if (::mkdir(fillers.back().c_str(), 0700) != 0) break;
  }
  ASSERT_EQ(errno, ENOSPC);
  EXPECT_EQ(start(second_user, taken_over_tmp).ending, ending_of(StartStatus::other));
  EXPECT_EQ(system_log().size(), 1U);
  EXPECT_EQ(lock_holder(), before);
  expect_serving(tmp);
  for (const std::string& filler : fillers) (void)::rmdir(filler.c_str());
  (void)serve(second_user, taken_over_tmp);
}

TEST_F(BrokerTakeover, only_root_reaches_the_control_socket) {
  (void)serve();
  const sockaddr_un address = address_of("/run/secshr/test/control");
  const auto reach = [&address] {
    const Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  };
  EXPECT_EQ(as_user(first_user, reach), exited(EACCES));
  EXPECT_EQ(reach(), 0);
}

TEST_F(BrokerTakeover, who_says_nothing_on_the_control_socket_is_in_nobodys_way) {
  (void)serve();
  const sockaddr_un address = address_of("/run/secshr/test/control");
  const Descriptor silent(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(silent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  (void)serve(second_user, taken_over_tmp);
  expect_serving(tmp);
  expect_serving(taken_over_tmp);
}

}  // namespace
}  // namespace secshr::test
