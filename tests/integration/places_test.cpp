// Where a broker lives: each pair of pid and IPC namespaces has one of its own, and none stays in the control group
// of who started it.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/held_start.h"
#include "tests/integration/namespaces.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string tmp_elsewhere = "/mnt/test/other";
const std::string run = "/run/secshr/test";

std::vector<std::string> places_of_others() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  return names;
}

ino_t inode_of(const char* path) {
  struct stat facts{};
  return ::stat(path, &facts) == 0 ? facts.st_ino : 0;
}

class BrokerPlace : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(tmp_elsewhere, 01777);
  }
  static std::vector<pid_t> brokers() { return find_broker_processes().brokers; }
};

TEST_F(BrokerPlace, is_of_an_ipc_namespace) {
  const pid_t first = serve(first_user, tmp);
  EXPECT_EQ(places_of_others(), std::vector<std::string>{});
  const Namespaces others(CLONE_NEWIPC);
  EXPECT_EQ(others.run(first_user, start_command(tmp_elsewhere)), exited(0));
  ASSERT_EQ(places_of_others().size(), 1U);
  EXPECT_TRUE(places_of_others()[0].starts_with("pid-"));
  EXPECT_TRUE(eventually([] { return brokers().size() == 2; }));
  EXPECT_EQ(lock_holder(), first);
  for (const char* const file : {"lock", "control", "counters"}) {
    EXPECT_TRUE(fs::exists(run + "/" + places_of_others()[0] + "/" + file)) << file;
  }
  expect_serving(tmp);
  // Started again, it is found there; and in the directory of the first it takes nothing away.
  EXPECT_EQ(others.run(first_user, start_command(tmp_elsewhere)), exited(0));
  EXPECT_EQ(others.run(second_user, start_command(tmp)), exited(0));
  EXPECT_TRUE(eventually([] { return brokers().size() == 2; }));
  EXPECT_EQ(lock_holder(), first);
  expect_serving(tmp);
}

TEST_F(BrokerPlace, is_reloaded_and_looked_at_from_its_own_namespaces) {
  const Identity root{0, 0, {}};
  const auto secshrctl = [](const std::string& command) {
    return Command{"/usr/bin/secshrctl", {"secshrctl", command}, {}, {}};
  };
  const pid_t first = serve(first_user, tmp);
  const Namespaces others(CLONE_NEWIPC);
  EXPECT_EQ(others.run(root, secshrctl("reload")), exited(1)) << "none runs there";
  EXPECT_EQ(others.run(first_user, start_command(tmp_elsewhere)), exited(0));
  const std::string theirs = run + "/" + places_of_others().at(0) + "/lock";
  const auto second = lock_holder(theirs);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(others.run(root, secshrctl("reload")), exited(0));
  const auto renewed = lock_holder(theirs);
  ASSERT_TRUE(renewed.has_value());
  EXPECT_NE(renewed, second);
  (void)others.run(root, {"/bin/sh", {"sh", "-c", "/usr/bin/secshrctl status >/mnt/test/status 2>&1"}, {}, {}});
  const std::string status = read_file("/mnt/test/status");
  EXPECT_NE(status.find(std::to_string(*renewed)), std::string::npos) << status;
  EXPECT_EQ(lock_holder(), first);
  // The other way round.
  ASSERT_EQ(::kill(first, SIGTERM), 0);
  EXPECT_TRUE(eventually([] { return brokers().size() == 1; }));
  const Outcome refused_here = run_as(root, secshrctl("reload"));
  EXPECT_NE(refused_here.errors.find("serves other namespaces"), std::string::npos) << refused_here.errors;
  EXPECT_EQ(lock_holder(theirs), renewed);
}

TEST_F(BrokerPlace, is_of_a_pid_namespace) {
  const pid_t first = serve(first_user, tmp);
  const Namespaces others(CLONE_NEWPID | CLONE_NEWNS);
  EXPECT_EQ(others.run(first_user, start_command(tmp_elsewhere)), exited(0));
  EXPECT_EQ(places_of_others().size(), 1U);
  EXPECT_EQ(lock_holder(), first);
  expect_serving(tmp);
}

TEST_F(BrokerPlace, is_of_a_mount_namespace_whose_tmp_is_its_own) {
  const pid_t first = serve(first_user, "/tmp");
  const Namespaces private_tmp(CLONE_NEWNS);
  // Where /tmp is the same, it is served already.
  EXPECT_EQ(private_tmp.run(second_user, start_command("/tmp")), exited(0));
  EXPECT_TRUE(eventually([&] { return brokers() == std::vector<pid_t>{first}; }));
  EXPECT_EQ(private_tmp.run([] { return ::mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") == 0 ? 0 : errno; }),
            exited(0));
  EXPECT_EQ(private_tmp.run(second_user, start_command("/tmp")), exited(0));
  EXPECT_TRUE(eventually([] { return brokers().size() == 2; }));
  EXPECT_EQ(lock_holder(), first);
  expect_serving("/tmp");
}

TEST_F(BrokerPlace, does_not_lose_what_is_served_there_to_a_broker_of_another) {
  configure("tmp = ['" + tmp + "']\n");
  const pid_t first = serve(first_user, tmp);
  const Namespaces others(CLONE_NEWIPC);
  EXPECT_EQ(others.run(first_user, start_command(tmp_elsewhere)), exited(0));
  EXPECT_TRUE(eventually([] { return brokers().size() == 2; }));
  ::usleep(2'100'000);  // the first looks at its names
  EXPECT_TRUE(is_running(first));
  expect_serving(tmp);
}

TEST_F(BrokerPlace, is_renewed_without_taking_what_a_broker_of_another_serves) {
  const pid_t first = serve(first_user, tmp);
  const Namespaces others(CLONE_NEWIPC);
  EXPECT_EQ(others.run(first_user, start_command(tmp_elsewhere)), exited(0));
  const auto inode = [](const std::string& directory) { return inode_of(server_in(directory).c_str()); };
  const ino_t theirs = inode(tmp_elsewhere);
  ask_for_renewal();
  EXPECT_EQ(start(second_user, tmp_elsewhere).ending, exited(0));
  EXPECT_EQ(inode(tmp_elsewhere), theirs);
  expect_serving(tmp_elsewhere);
  // In its own it is renewed.
  EXPECT_NE(serve(second_user, tmp), first);
  EXPECT_EQ(inode(tmp_elsewhere), theirs);
}

// --- Control groups ---

// Where groups can be made here: of version two, and of version one.
std::vector<std::string> hierarchies() {
  std::vector<std::string> places;
  for (const std::string place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"}) {
    if (fs::exists(place + "/cgroup.procs") && ::access(place.c_str(), W_OK) == 0) places.push_back(place);
  }
  return places;
}

class Group {
 public:
  // Groups are the machine's, and the pid is only this world's.
  explicit Group(const std::string& hierarchy)
      : path_(hierarchy + "/secshr-test-XXXXXX"), is_made_(::mkdtemp(path_.data()) != nullptr) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() {
    if (is_made_) (void)eventually([this] { return ::rmdir(path_.c_str()) == 0; });
  }
  [[nodiscard]] bool is_made() const { return is_made_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string processes() const { return read_file(path_ + "/cgroup.procs"); }

 private:
  std::string path_;
  bool is_made_;
};

class BrokerGroup : public BrokerPlace {
 protected:
  // Starts a broker from the group, of which nothing is left then.
  static void expect_left_by_a_start(const Group& group) {
    const std::string processes = group.path() + "/cgroup.procs";
    EXPECT_EQ(run_forked([&] {
                std::ofstream(processes) << "0";
                // The control: what it starts is in the group.
                const pid_t child = ::fork();
                if (child == 0) {
                  std::stringstream text;
                  text << std::ifstream(processes).rdbuf();
                  ::_exit(text.str().find(std::to_string(::getppid())) != std::string::npos ? 0 : 1);
                }
                int status = -1;
                if (::waitpid(child, &status, 0) != child || status != 0) return 1;
                return run_as(first_user, start_command()).ending == exited(0) ? 0 : 2;
              }),
              exited(0));
    expect_serving();
    EXPECT_TRUE(eventually([&] { return group.processes().empty(); })) << group.processes();
    EXPECT_EQ(events().back().at("detail").find("cgroup"), std::string::npos) << events().back().at("detail");
  }
};

TEST_F(BrokerGroup, of_who_started_it_is_left) {
  const auto places = hierarchies();
  if (places.empty()) SECSHR_SKIP("no control groups");
  for (const std::string& place : places) {
    SCOPED_TRACE(place);
    const Group group(place);
    if (!group.is_made()) SECSHR_SKIP("no control group can be made");
    expect_left_by_a_start(group);
    kill_other_processes();
  }
}

// Frozen while it speaks with the broker, one would keep all others from being heard.
TEST_F(BrokerGroup, has_nobody_in_it_who_asks_a_broker) {
  const auto places = hierarchies();
  if (places.empty()) SECSHR_SKIP("no control groups");
  const Group group(places.front());
  if (!group.is_made()) SECSHR_SKIP("no control group can be made");
  (void)serve();
  const auto is_in_it = [&](const std::string& pid) {
    return read_file("/proc/" + pid + "/cgroup").contains(fs::path(group.path()).filename().string());
  };
  EXPECT_EQ(run_forked([&] {
              std::ofstream(group.path() + "/cgroup.procs") << "0";
              if (!is_in_it("self")) return 1;
              const std::string seen = "/mnt/test/seen";
              (void)run_held(first_user, start_command(tmp_elsewhere), HoldBefore::its_question, [&](pid_t starter) {
                write_file(seen, is_in_it(std::to_string(starter)) ? "in it" : "outside");
              });
              return read_file(seen) == "outside" ? 0 : 2;
            }),
            exited(0));
}

}  // namespace
}  // namespace secshr::test
