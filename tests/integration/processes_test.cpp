// What the processes are once the broker serves: as the kernel shows them, to root and to others.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "secshr/limits.h"
#include "secshr/privilege/least_privilege.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/privileges.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class BrokerProcess : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    (void)serve();
    found_ = wait_for_processes();
    ASSERT_TRUE(found_.complete());
  }
  // What is open besides /dev/null on 0, 1 and 2, sorted.
  static std::vector<std::string> open_in(pid_t pid) {
    auto descriptors = descriptors_of(pid);
    for (const int number : {0, 1, 2}) {
      EXPECT_EQ(descriptors[number], "/dev/null");
      descriptors.erase(number);
    }
    std::vector<std::string> targets;
    targets.reserve(descriptors.size());
    for (const auto& [number, target] : descriptors) targets.push_back(target);
    std::ranges::sort(targets);
    return targets;
  }
  BrokerProcesses found_;
};

TEST_F(BrokerProcess, the_broker_has_its_own_uid_and_four_capabilities_and_none_of_them_in_effect) {
  const std::array<cap_value_t, 4> permitted{CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_FOWNER};
  for (const pid_t pid : found_.brokers) expect_role(pid, broker_uid, permitted, 2);
}

TEST_F(BrokerProcess, lookers_have_their_own_uid_and_two_capabilities_and_none_of_them_in_effect) {
  const std::array<cap_value_t, 2> permitted{CAP_SETUID, CAP_SETGID};
  for (const pid_t pid : found_.looker_supervisors) expect_role(pid, looker_uid, permitted, 2);
  for (const pid_t pid : found_.lookers) expect_role(pid, looker_uid, permitted, 3);
}

TEST_F(BrokerProcess, writers_have_their_own_uid_and_one_capability_and_not_in_effect) {
  const std::array<cap_value_t, 1> permitted{CAP_DAC_OVERRIDE};
  for (const pid_t pid : found_.writer_supervisors) expect_role(pid, writer_uid, permitted, 2);
  for (const pid_t pid : found_.writers) expect_role(pid, writer_uid, permitted, 3);
}

TEST_F(BrokerProcess, recorders_have_the_brokers_uid_and_no_capability) {
  for (const pid_t pid : found_.recorder_supervisors) expect_role(pid, broker_uid, {}, 2);
  for (const pid_t pid : found_.recorders) expect_role(pid, broker_uid, {}, 3);
}

// The same after a request that acted as others: every guard has put back what it took.
TEST_F(BrokerProcess, nothing_of_this_changes_by_serving) {
  const auto client = connect(first_user);
  for (std::uint64_t sequence = 1; sequence < 20; ++sequence) {
    const protocol::FlushHeader missing{protocol::closed_ids, "/mnt/test/data/missing"};
    EXPECT_EQ(answer(*client, datagram(*client, missing, sequence)), ENOENT);
    EXPECT_EQ(answer(*client, datagram(*client, protocol::RemoveSemaphoreSet{make_set(*client)}, sequence)), 0);
    EXPECT_EQ(answer(*client, datagram(*client, protocol::RemoveSegment{make_segment(*client)}, sequence)), 0);
    EXPECT_EQ(answer(*client, datagram(*client, protocol::ContinueProcess{client->pid()}, sequence)), EPERM);
    write_dead_socket(tmp + "/gtm_mutex003D0900", u2, g2);
    EXPECT_EQ(answer(*client, datagram(*client, protocol::RemoveFile{tmp + "/gtm_mutex003D0900"}, sequence)), 0);
  }
  const std::array<cap_value_t, 4> permitted{CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_FOWNER};
  for (const pid_t pid : found_.brokers) expect_role(pid, broker_uid, permitted, 2);
  const std::array<cap_value_t, 2> looker_permitted{CAP_SETUID, CAP_SETGID};
  for (const pid_t pid : found_.lookers) expect_role(pid, looker_uid, looker_permitted, 3);
}

TEST_F(BrokerProcess, none_of_them_is_dumpable_so_that_its_files_in_proc_are_roots) {
  for (const pid_t pid : found_.all()) {
    for (const char* const name : {"environ", "maps", "mem", "fd", "auxv"}) {
      struct stat status{};
      const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
      ASSERT_EQ(::stat(path.c_str(), &status), 0) << path;
      EXPECT_EQ(status.st_uid, 0U) << path;
    }
    struct stat status{};
    ASSERT_EQ(::stat(("/proc/" + std::to_string(pid) + "/status").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0U);
  }
}

TEST_F(BrokerProcess, a_process_of_the_same_uid_can_neither_trace_nor_read_nor_exhaust_one) {
  const std::pair<pid_t, uid_t> cases[] = {
      {found_.brokers[0], broker_uid}, {found_.lookers[0], looker_uid}, {found_.writers[0], writer_uid}};
  const auto try_to_trace = [](pid_t pid, uid_t uid) {
    return as_user({uid, uid, {}}, [pid] {
      if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0) return 1;
      if (errno != EPERM) return 2;
      for (const char* const name : {"mem", "environ", "maps"}) {
        std::array<char, 64> path{};
        (void)std::snprintf(path.data(), path.size(), "/proc/%d/%s", pid, name);
        const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
        std::array<char, 16> bytes{};
        if (file >= 0 && ::read(file, bytes.data(), bytes.size()) > 0) return 3;
      }
      return 0;
    });
  };
  for (const auto& [pid, uid] : cases) {
    EXPECT_EQ(try_to_trace(pid, uid), exited(0));
    // An ordinary process of that uid can be traced.
    Client ordinary(Identity{uid, uid, {}});
    EXPECT_EQ(ordinary.run([] { return 5; }), 5);
    EXPECT_EQ(try_to_trace(ordinary.pid(), uid), exited(1));
  }
}

TEST_F(BrokerProcess, no_user_can_signal_one) {
  for (const pid_t pid : found_.all()) {
    EXPECT_EQ(as_user(first_user, [pid] { return ::kill(pid, 0) == 0 ? 0 : errno; }), exited(EPERM));
  }
}

TEST_F(BrokerProcess, the_broker_holds_open_what_it_serves_with_and_nothing_else) {
  const std::string bound_names = "/proc/" + std::to_string(found_.brokers[0]) + "/net/unix";
  // The programs of the installation are pinned: the only one here is the wrapper.
  std::vector<std::string> sorted{lock_file, tmp, bound_names, wrapper, "anon_inode:[signalfd]"};
  // The server's, the lookers', the writers' and the recorder's channels, those for replies and the one that finds
  // out whether one would arrive, the one that finds out whether a name is bound, and the system log's.
  sorted.insert(sorted.end(),
                4 + limits::reply_sockets + limits::reply_connections + 3 + limits::system_log_connections, "socket");
  // Root's, over which it is asked; and those that fill the queue before it is closed.
  const std::size_t queue = std::stoul(read_file("/proc/sys/net/unix/max_dgram_qlen"));
  sorted.insert(sorted.end(), 1 + queue / 200 + 1, "socket");
  std::ranges::sort(sorted);
  // It may still be about to close the pipe through which it has just told the wrapper.
  EXPECT_TRUE(eventually([&] { return open_in(found_.brokers[0]) == sorted; }))
      << open_in(found_.brokers[0]).size() << " and not " << sorted.size() << ": "
      << open_in(found_.brokers[0]).size() << " and not " << sorted.size();
  // The directory and the programs are only names: nothing can be listed or opened through them with the broker's own
  // rights.
  for (const auto& [number, target] : descriptors_of(found_.brokers[0])) {
    if (target != tmp && target != wrapper) continue;
    const std::string info =
        read_file("/proc/" + std::to_string(found_.brokers[0]) + "/fdinfo/" + std::to_string(number));
    const auto flags = std::stoul(info.substr(info.find("flags:") + 6), nullptr, 8);
    EXPECT_NE(flags & O_PATH, 0U) << info;
  }
}

TEST_F(BrokerProcess, a_helper_holds_open_its_channel_and_nothing_else) {
  for (const auto* pids : {&found_.lookers, &found_.writers}) {
    for (const pid_t pid : *pids) {
      // Just forked, it may still be about to close the supervisor's.
      EXPECT_TRUE(eventually([&] { return open_in(pid) == std::vector<std::string>{"socket"}; }))
          << testing::PrintToString(open_in(pid));
    }
  }
  const std::vector<std::string> of_supervisor{"anon_inode:[signalfd]", "socket"};
  for (const auto* pids : {&found_.looker_supervisors, &found_.writer_supervisors}) {
    for (const pid_t pid : *pids) EXPECT_EQ(open_in(pid), of_supervisor);
  }
}

TEST_F(BrokerProcess, the_environment_holds_only_the_cleaned_variables) {
  kill_other_processes();
  Command command = start_command();
  command.environment.insert(command.environment.end(), {"SECRET=1", "LD_LIBRARY_PATH=/mnt/test", "HOME=/root"});
  ASSERT_EQ(run_as(first_user, command).ending, ending_of(StartStatus::serving));
  const std::string wanted("gtm_tmp=" + tmp + '\0');
  for (const pid_t pid : find_broker_processes().all()) {
    EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/environ"), wanted);
  }
}

TEST_F(BrokerProcess, they_run_in_slash_in_a_session_of_their_own_without_a_terminal) {
  const pid_t session = ::getsid(found_.brokers[0]);
  EXPECT_EQ(session, found_.brokers[0]);
  for (const pid_t pid : found_.all()) {
    EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd"), "/");
    EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(pid) + "/root"), "/");
    EXPECT_EQ(::getsid(pid), session);
    EXPECT_EQ(::getpgid(pid), session);
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    int parent = 0;
    int group = 0;
    int own_session = 0;
    int terminal = -1;
    ASSERT_EQ(
        std::sscanf(stat.c_str() + stat.rfind(')') + 2, "%*c %d %d %d %d", &parent, &group, &own_session, &terminal),
        4);
    EXPECT_EQ(terminal, 0);
  }
}

TEST_F(BrokerProcess, none_of_them_can_leave_a_core) {
  for (const pid_t pid : found_.all()) {
    const std::string limits = read_file("/proc/" + std::to_string(pid) + "/limits");
    const auto line = limits.find("Max core file size");
    ASSERT_NE(line, std::string::npos);
    int soft = -1;
    int hard = -1;
    EXPECT_EQ(std::sscanf(limits.c_str() + line, "Max core file size %d %d", &soft, &hard), 2);
    EXPECT_EQ(soft, 0);
    EXPECT_EQ(hard, 0);
  }
}

TEST_F(BrokerProcess, the_socket_gives_credentials_that_no_sender_can_leave_out) {
  // A sender that asks for nothing is known all the same.
  const auto client = connect(second_user);
  const auto record = expect_answer(*client, protocol::Ping{}, served);
  expect_sender(record, *client, second_user);
  EXPECT_EQ(record.at("req"), "ping");
}

}  // namespace
}  // namespace secshr::test
