// Several installations at once: GT.M's and those of other programs, in one directory of sockets, each with a broker,
// a lock, a log, counters and a key of its own, and none of them within another's reach.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "counters/read_counters.h"
#include "protocol/encode_reply.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/other_installation.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const OtherInstallation application{"application", protocol::ProfileId::generic, "/mnt/test/application",
                                    "application 1.2", 0x20d82f02};

class SeveralInstallations : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    install_built("tests/sleeper", distribution + "/mumps", 0755);
    install_built("tests/sleeper", plain, 0755);
    lay_out(application);
    broker_ = serve();
    application_broker_ = serve_other(application);
  }
  static void lay_out(const OtherInstallation& installation, mode_t mode = 0755, gid_t group = 0) {
    make_directory(installation.directory, mode, 0, group);
    install_built("tests/sleeper", installation.directory + "/worker", 0755);
    const Outcome adopted = installation.adopt();
    ASSERT_EQ(adopted.ending, exited(0)) << adopted.errors;
  }
  // Starts, expects that it serves, and gives back the broker's pid.
  static pid_t serve_other(const OtherInstallation& installation, const std::string& directory = tmp) {
    EXPECT_EQ(run_as(first_user, installation.start_command(directory)).ending, ending_of(StartStatus::serving));
    const auto holder = lock_holder(installation.lock_file());
    EXPECT_TRUE(holder.has_value());
    return holder.value_or(-1);
  }

  static std::optional<int> ask(Client& client, const std::string& server, const Bytes& bytes) {
    EXPECT_EQ(client.send(server, bytes), 0);
    const auto received = client.receive();
    if (!received) return std::nullopt;
    const auto reply = protocol::decode_reply(*received);
    return reply ? std::optional(reply->code()) : std::nullopt;
  }
  static std::optional<int> ask(const OtherInstallation& installation, Client& client,
                                const protocol::Request& request) {
    return ask(client, installation.server_in(tmp), datagram(client, request, 1, installation.key));
  }

  static void expect_no_reply(Client& client, const std::string& server, const Bytes& bytes) {
    EXPECT_EQ(client.send(server, bytes), 0);
    EXPECT_FALSE(client.receive(silence).has_value());
  }

  static bool is_stopped(pid_t pid) {
    const auto status = status_of(pid);
    return status.contains("State") && status.at("State").starts_with('T');
  }
  static pid_t start_stopped(const std::string& path, std::vector<std::string> arguments = {"caught"}) {
    arguments.insert(arguments.begin(), "worker");
    const pid_t pid = start_as(second_user, {path, arguments, {}, {}}).pid();
    EXPECT_TRUE(eventually([pid] { return is_stopped(pid); })) << path;
    return pid;
  }
  // By the request and by nobody else.
  static void expect_continued(pid_t pid, const std::optional<int>& reply) {
    EXPECT_EQ(reply, 0);
    EXPECT_TRUE(eventually([pid] { return is_running(pid) && !is_stopped(pid); }));
  }
  static void expect_out_of_reach(const OtherInstallation& installation, Client& client, pid_t pid) {
    EXPECT_EQ(ask(installation, client, protocol::ContinueProcess{pid}), EPERM);
    EXPECT_EQ(ask(installation, client, protocol::Wake{pid}), EPERM);
    EXPECT_TRUE(is_stopped(pid));
    EXPECT_EQ(status_of(pid).at("ShdPnd"), "0000000000000000");
  }

  inline static const std::string plain = "/mnt/test/plain/worker";
  pid_t broker_ = -1;
  pid_t application_broker_ = -1;
};

TEST_F(SeveralInstallations, each_has_a_broker_a_lock_a_log_counters_and_a_socket_of_its_own) {
  EXPECT_NE(broker_, application_broker_);
  std::vector<pid_t> both{broker_, application_broker_};
  std::ranges::sort(both);
  // A helper that has only just been forked still has the broker's name.
  EXPECT_TRUE(eventually([&] {
    auto brokers = find_broker_processes().brokers;
    std::ranges::sort(brokers);
    return brokers == both;
  }));
  EXPECT_TRUE(fs::is_socket(server_in(tmp)));
  EXPECT_TRUE(fs::is_socket(application.server_in(tmp)));
  EXPECT_TRUE(application.server_in(tmp).starts_with(tmp + "/secshr2E"));

  const auto client = application.connect(first_user, tmp);
  const int semid = make_set(*client);
  EXPECT_EQ(ask(application, *client, protocol::RemoveSemaphoreSet{semid}), 0);
  EXPECT_FALSE(set_exists(semid));
  const auto own = connect(second_user);
  EXPECT_EQ(answer(*own, datagram(*own, protocol::Ping{})), 0);
  ASSERT_EQ(records(application.log_file()).size(), 1U);
  EXPECT_EQ(records(application.log_file())[0].at("req"), "remove-semaphore-set");
  EXPECT_EQ(records(application.log_file())[0].at("pid"), std::to_string(client->pid()));
  ASSERT_EQ(records().size(), 1U);
  EXPECT_EQ(records()[0].at("req"), "ping");

  const auto counters = read_counters("/run/secshr/test/counters");
  const auto application_counters = read_counters(application.counters_page());
  ASSERT_TRUE(counters && application_counters);
  EXPECT_EQ(counters->broker_pid, static_cast<std::uint64_t>(broker_));
  EXPECT_EQ(application_counters->broker_pid, static_cast<std::uint64_t>(application_broker_));
  EXPECT_EQ(counters->requests[1].done, 0U);
  EXPECT_EQ(application_counters->requests[1].done, 1U);
  EXPECT_EQ(run_as(0, 0, {}, {"/usr/bin/secshrctl", "status"}).ending, exited(1)) << "the fixture's is only made up";
}

TEST_F(SeveralInstallations, another_program_is_served_like_a_database) {
  const auto client = application.connect(first_user, tmp);
  const auto maker = application.connect(second_user, tmp);
  const int semid = make_set(*maker);
  EXPECT_EQ(ask(application, *client, protocol::RemoveSemaphoreSet{semid}), 0);
  EXPECT_FALSE(set_exists(semid));
  const int shmid = make_segment(*maker);
  EXPECT_EQ(ask(application, *client, protocol::RemoveSegment{shmid}), 0);
  EXPECT_FALSE(segment_exists(shmid));
  const std::string leftover = tmp + "/secshr003FFFF0";
  write_dead_socket(leftover, u2, g2);
  EXPECT_EQ(ask(application, *client, protocol::RemoveFile{leftover}), 0);
  EXPECT_FALSE(exists(leftover));
  const std::string file = data + "/a.dat";
  write_file(file, DatabaseImage{.ids = {INT32_MAX, INT32_MAX, 1, 1}}.text(), 0444, u2, g2);
  EXPECT_EQ(ask(application, *client, protocol::FlushHeader{protocol::closed_ids, file}), 0);
  EXPECT_EQ(read_file(file), DatabaseImage{}.text());
  const auto messages = broker_messages(protocol::ProfileId::generic);
  EXPECT_EQ(std::ranges::count_if(
                messages,
                [](const std::string& line) { return line.starts_with("%SECSHR-I-GTMSECSHRREMSEM, [client pid "); }),
            1);
  // What is refused a database is refused here.
  EXPECT_EQ(ask(application, *client, protocol::RemoveSemaphoreSet{make_set(*maker, 0600)}), EPERM);
}

TEST_F(SeveralInstallations, names_of_sockets_are_one_profiles_and_nobody_elses) {
  const auto client = application.connect(first_user, tmp);
  const auto own = connect(first_user);
  const int semid = make_set(*client);
  const protocol::Request removal = protocol::RemoveSemaphoreSet{semid};
  // No reply to a name that is not of the profile, whatever the key.
  for (const std::uint32_t key : {application.key, release_key}) {
    expect_no_reply(*own, application.server_in(tmp), datagram(*own, removal, 1, key));
    expect_no_reply(*client, server_in(tmp), datagram(*client, removal, 1, key));
  }
  EXPECT_TRUE(set_exists(semid));
  for (const std::string& file : {log_file, application.log_file()}) {
    EXPECT_TRUE(eventually([&] { return records(file).size() == 2; }));
    for (const auto& record : records(file)) EXPECT_EQ(record.at("rule"), "sock.name");
  }
  // And no leftover by such a name.
  const std::string leftovers[] = {tmp + "/gtm_secshr003FFFF0", tmp + "/gtm_mutex003FFFF0", tmp + "/003FFFF0"};
  for (const std::string& leftover : leftovers) {
    write_dead_socket(leftover, u2, g2);
    EXPECT_EQ(ask(application, *client, protocol::RemoveFile{leftover}), EPERM) << leftover;
    EXPECT_TRUE(exists(leftover));
  }
  const std::string others = tmp + "/secshr003FFFF0";
  write_dead_socket(others, u2, g2);
  EXPECT_EQ(answer(*own, datagram(*own, protocol::RemoveFile{others})), EPERM);
  EXPECT_TRUE(exists(others));
}

TEST_F(SeveralInstallations, a_key_is_one_releases_and_nobody_elses) {
  const auto client = application.connect(first_user, tmp);
  const auto own = connect(first_user);
  const int semid = make_set(*client);
  const protocol::Request removal = protocol::RemoveSemaphoreSet{semid};
  EXPECT_EQ(ask(*client, application.server_in(tmp), datagram(*client, removal, 1, release_key)), 0x8001);
  EXPECT_EQ(ask(*own, server_in(tmp), datagram(*own, removal, 1, application.key)), 0x8001);
  EXPECT_TRUE(set_exists(semid));
  EXPECT_EQ(ask(application, *client, removal), 0);
  EXPECT_FALSE(set_exists(semid));
}

TEST_F(SeveralInstallations, a_process_is_woken_and_continued_by_its_own_installation_only) {
  const auto client = application.connect(first_user, tmp);
  const auto own = connect(first_user);
  const pid_t worker = start_stopped(application.directory + "/worker");
  const pid_t mumps = start_stopped(distribution + "/mumps");
  EXPECT_EQ(answer(*own, datagram(*own, protocol::ContinueProcess{worker})), EPERM);
  EXPECT_EQ(answer(*own, datagram(*own, protocol::Wake{worker})), EPERM);
  expect_out_of_reach(application, *client, mumps);
  EXPECT_TRUE(is_stopped(worker));
  expect_continued(worker, ask(application, *client, protocol::ContinueProcess{worker}));
  expect_continued(mumps, answer(*own, datagram(*own, protocol::ContinueProcess{mumps})));
  EXPECT_EQ(ask(application, *client, protocol::Wake{worker}), 0);
  EXPECT_EQ(wait_for(worker), exited(14));
}

// The directory's own files count: none below it, and whoever maps one to execute it.
TEST_F(SeveralInstallations, programs_and_libraries_of_the_directory_mark_its_processes) {
  const std::string library = application.directory + "/libapplication.so.1";
  const std::string below = application.directory + "/below/worker";
  install_built("tests/sleeper", library, 0644);
  install_built("tests/sleeper", below, 0755);
  const auto client = application.connect(first_user, tmp);
  const pid_t with_library = start_stopped(plain, {"caught", "executable", library});
  // Of what has come since the broker started it does not know.
  expect_out_of_reach(application, *client, with_library);
  ASSERT_EQ(::kill(application_broker_, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
  (void)serve_other(application);
  expect_continued(with_library, ask(application, *client, protocol::ContinueProcess{with_library}));
  expect_out_of_reach(application, *client, start_stopped(plain));
  expect_out_of_reach(application, *client, start_stopped(plain, {"caught", "readable", library}));
  expect_out_of_reach(application, *client, start_stopped(below));
}

// The key is the same; the wrapper's file, and so the socket's name, is not.
TEST_F(SeveralInstallations, two_of_one_release_are_two) {
  OtherInstallation second = application;
  second.name = "second";
  second.directory = "/mnt/test/second";
  lay_out(second);
  const pid_t second_broker = serve_other(second);
  EXPECT_NE(second_broker, application_broker_);
  EXPECT_NE(second.server_in(tmp), application.server_in(tmp));
  const auto client = application.connect(first_user, tmp);
  const pid_t worker = start_stopped(application.directory + "/worker");
  const pid_t second_worker = start_stopped(second.directory + "/worker");
  expect_out_of_reach(second, *client, worker);
  expect_out_of_reach(application, *client, second_worker);
  expect_continued(worker, ask(application, *client, protocol::ContinueProcess{worker}));
  expect_continued(second_worker, ask(second, *client, protocol::ContinueProcess{second_worker}));
}

TEST_F(SeveralInstallations, variables_are_one_profiles_and_nobody_elses) {
  const std::string mine = "/mnt/test/mine";
  const std::string theirs = "/mnt/test/theirs";
  const std::string logs = "/mnt/test/logs";
  for (const std::string& directory : {mine, theirs, logs}) make_directory(directory, 01777);
  kill_other_processes();
  Command start = application.start_command(mine);
  start.environment.insert(start.environment.end(),
                           {"gtm_tmp=" + theirs, "ydb_tmp=" + theirs, "gtm_log=" + theirs, "secshr_log=" + logs});
  EXPECT_EQ(run_as(first_user, start).ending, ending_of(StartStatus::serving));
  EXPECT_TRUE(exists(application.server_in(mine)));
  EXPECT_TRUE(fs::is_empty(theirs));
  EXPECT_TRUE(exists(logs + "/gtm_secshr_log"));
  const auto client = application.connect(first_user, mine);
  EXPECT_EQ(ask(*client, application.server_in(mine), datagram(*client, protocol::Ping{}, 1, application.key)), 0);
  // Without a variable of its own, /tmp; and to GT.M's this one says nothing.
  kill_other_processes();
  start.environment = {"gtm_tmp=" + theirs};
  EXPECT_EQ(run_as(first_user, start).ending, ending_of(StartStatus::serving));
  EXPECT_TRUE(exists(application.server_in("/tmp")));
  Command start_gtm = start_command(tmp);
  start_gtm.environment.push_back("secshr_tmp=" + mine);
  EXPECT_EQ(run_as(first_user, start_gtm).ending, ending_of(StartStatus::serving));
  EXPECT_FALSE(exists(server_in(mine)));
  EXPECT_TRUE(fs::is_empty(theirs));
}

// Who may search the directory may execute the wrapper and send to the socket, and nobody else.
TEST_F(SeveralInstallations, a_directory_of_a_groups_is_served_to_the_group) {
  OtherInstallation groups = application;
  groups.name = "groups";
  groups.directory = "/mnt/test/groups";
  lay_out(groups, 0750, shared_group);
  EXPECT_NE(run_as(third_user, groups.start_command(tmp)).ending, exited(0));
  (void)serve_other(groups);
  struct stat facts{};
  ASSERT_EQ(::stat(groups.server_in(tmp).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0660U);
  EXPECT_EQ(facts.st_gid, shared_group);
  const auto member = groups.connect(second_user, tmp);
  EXPECT_EQ(ask(groups, *member, protocol::Ping{}), 0);
  const auto stranger = groups.connect(third_user, tmp);
  EXPECT_EQ(stranger->send(groups.server_in(tmp), datagram(*stranger, protocol::Ping{}, 1, groups.key)), EACCES);
  // What anybody may search is anybody's.
  ASSERT_EQ(::stat(application.server_in(tmp).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0666U);
}

TEST_F(SeveralInstallations, the_end_of_one_is_not_the_others) {
  const auto client = application.connect(first_user, tmp);
  ASSERT_EQ(::kill(broker_, SIGKILL), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
  EXPECT_EQ(ask(application, *client, protocol::Ping{}), 0);
  EXPECT_EQ(serve_other(application), application_broker_) << "one that runs is left as it is";
  broker_ = serve();
  EXPECT_EQ(run_as(0, 0, {}, {"/usr/bin/secshrctl", "restore", application.directory}).ending, exited(0));
  EXPECT_EQ(lock_holder(), broker_);
  EXPECT_FALSE(is_running(application_broker_));
  EXPECT_FALSE(exists(application.wrapper()));
  expect_serving();
}

}  // namespace
}  // namespace secshr::test
