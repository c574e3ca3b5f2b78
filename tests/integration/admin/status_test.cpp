// secshrctl status, and the command line itself: exit status and contents.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "counters/publish_counters.h"
#include "protocol/profile.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

class Status : public AdminTest {
 protected:
  nlohmann::json json() {
    status_ = run({"status", "--json"});
    return nlohmann::json::parse(said());
  }
  // Adopted and with a broker: what damage is compared with.
  void expect_damaged(const std::string& fault) {
    const nlohmann::json shown = json();
    EXPECT_EQ(status_, 1);
    EXPECT_FALSE(shown["installations"][0]["intact"]);
    EXPECT_NE(shown["installations"][0]["faults"].dump().find(fault), std::string::npos) << shown;
    EXPECT_EQ(run({"status"}), 1);
    EXPECT_NE(said().find(fault), std::string::npos) << said();
  }

  int status_ = -1;
};

std::size_t rule_index(std::string_view rule) {
  return static_cast<std::size_t>(std::ranges::find(counted_rules, rule) - counted_rules.begin());
}

// Adopted, with a broker that shows its counters.
class StatusCounters : public Status {
 protected:
  void SetUp() override {
    Status::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
    broker_ = std::make_unique<Running>(hold_lock(paths::broker, "gtm"));
    counters_.broker_pid = static_cast<std::uint64_t>(broker_->pid());
    const auto hash = json()["configuration"]["hash"].get<std::string>();
    counters_.configuration_hash = std::stoull(hash, nullptr, 16);
  }
  static std::string run_directory() { return std::string(paths::run) + "/gtm"; }
  void publish() {
    const Descriptor directory(open(run_directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(CountersPage::create(directory.get(), counters_).has_value());
  }
  nlohmann::json shown_broker() { return json()["installations"][0]["broker"]; }
  // As where there is no page: neither shown nor a finding.
  void expect_no_counters() {
    const nlohmann::json broker = shown_broker();
    EXPECT_EQ(status_, 0) << said();
    EXPECT_EQ(broker["pid"], broker_->pid());
    for (const char* const key : {"counters", "configuration_hash", "configuration_changed", "degraded"}) {
      EXPECT_FALSE(broker.contains(key)) << broker;
    }
    EXPECT_EQ(run({"status"}), 0);
    EXPECT_EQ(said().find("datagrams"), std::string::npos) << said();
    EXPECT_EQ(said().find("in force"), std::string::npos) << said();
    EXPECT_EQ(complaint(), "");
  }

  Counters counters_;
  std::unique_ptr<Running> broker_;
};

TEST_F(Status, of_a_machine_where_nothing_is_adopted) {
  EXPECT_EQ(json()["installations"].size(), 0U);
  EXPECT_EQ(status_, 3);
}

TEST_F(Status, of_an_adopted_installation_without_a_broker) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  const nlohmann::json installation = json()["installations"][0];
  EXPECT_EQ(status_, 3);
  const struct stat wrapper = status_of(helper);
  const std::uint32_t key = protocol::server_key(wrapper.st_dev, wrapper.st_ino);
  EXPECT_EQ(installation["name"], "gtm");
  EXPECT_EQ(installation["directory"], distribution);
  EXPECT_EQ(installation["profile"], "gtm");
  EXPECT_EQ(installation["release"], "GT.M V7.0-005 Linux x86_64");
  EXPECT_EQ(installation["communication_key"], "0xb54536ab");
  EXPECT_EQ(std::stoul(installation["server_key"].get<std::string>(), nullptr, 16), key);
  EXPECT_EQ(installation["server_socket"],
            protocol::server_socket_name(protocol::profile(protocol::ProfileId::gtm), key).view());
  EXPECT_TRUE(installation["intact"]);
  EXPECT_TRUE(installation["broker"].is_null());
}

TEST_F(Status, of_a_running_broker) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  const Running running = hold_lock(paths::broker, "gtm");
  const nlohmann::json broker = json()["installations"][0]["broker"];
  EXPECT_EQ(status_, 0) << complaint();
  EXPECT_EQ(broker["pid"], running.pid());
  EXPECT_EQ(broker["uid"], 0);
  EXPECT_EQ(broker["gid"], 0);
  EXPECT_EQ(broker["seccomp"], "off");
  EXPECT_FALSE(broker["no_new_privileges"]);
  EXPECT_NE(broker["permitted"].dump().find("\"cap_chown\""), std::string::npos) << broker;
  EXPECT_EQ(broker["started"].get<std::string>().size(), std::string("2000-01-01T00:00:00Z").size());
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_NE(said().find("process " + std::to_string(running.pid())), std::string::npos) << said();
}

// Whether a broker runs is one thing, and whether the adoption is intact another.
TEST_F(Status, says_where_nobody_can_tell_whether_a_broker_runs) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  install_built("tests/lock_holder", "/mnt/test/other", 0755);
  const Running other = hold_lock("/mnt/test/other", "gtm");
  const nlohmann::json shown = json()["installations"][0];
  EXPECT_EQ(status_, 1);
  EXPECT_TRUE(shown["broker"].is_null());
  EXPECT_NE(shown["broker_fault"].get<std::string>().find("which is not"), std::string::npos) << shown;
  EXPECT_EQ(shown["intact"], true);
  EXPECT_EQ(run({"status"}), 1);
  EXPECT_NE(said().find("broker             cannot be looked at: "), std::string::npos) << said();
  EXPECT_EQ(run({"metrics"}), 0);
  EXPECT_NE(said().find("secshr_adoption_intact{installation=\"gtm\"} 1\n"), std::string::npos) << said();
}

TEST_F(Status, shows_a_lockdown_with_its_group) {
  ASSERT_EQ(run({"lockdown", "on", "--group", "72900"}), 0) << complaint();
  EXPECT_EQ(json()["lockdown_group"], 72900);
  write_file(paths::lockdown, "nothing that can be read");
  const nlohmann::json shown = json();
  EXPECT_EQ(status_, 1);
  EXPECT_EQ(shown["lockdown"], true);
  EXPECT_EQ(shown["lockdown_group"], 0);
  EXPECT_TRUE(shown["lockdown_fault"].is_string());
}

TEST_F(Status, names_each_kind_of_damage) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  const Running broker = hold_lock(paths::broker, "gtm");
  ASSERT_EQ(run({"status"}), 0) << "the control: " << said();
  const std::string wrapper = read_file(paths::wrapper);

  ASSERT_EQ(chmod(helper.c_str(), 0755), 0);
  expect_damaged("mode 0755");
  ASSERT_EQ(chmod(helper.c_str(), 04755), 0);
  ASSERT_EQ(chmod(original.c_str(), 04755), 0);
  expect_damaged("can still become root");
  ASSERT_EQ(chmod(original.c_str(), 0755), 0);
  ASSERT_EQ(run({"status"}), 0) << "the control: " << said();

  write_file(paths::wrapper, wrapper + "newer", 0755);
  expect_damaged("another version");
  write_file(paths::wrapper, wrapper, 0755);

  std::filesystem::remove(utf8_helper);
  write_file(utf8_helper, stock_helper, 04755);
  expect_damaged("utf8/gtmsecshr is another file");
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();

  write_file(helper, "an upgraded stock helper", 04755);
  expect_damaged("is not secshr's");
  std::filesystem::remove(helper);
  expect_damaged("gtmsecshr is missing");
  remove_tree(distribution);
  expect_damaged("does not exist");
}

TEST_F(Status, shows_a_missing_original) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  std::filesystem::remove(original);
  expect_damaged("secshr-original is missing");
}

TEST_F(Status, shows_bad_records_beside_good_ones) {
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  write_file(std::string(paths::installations) + "/broken.toml", "profile = 'x'\n");
  const nlohmann::json shown = json();
  EXPECT_EQ(status_, 1);
  EXPECT_EQ(shown["bad_records"].size(), 1U);
  EXPECT_TRUE(shown["installations"][0]["intact"]);
}

TEST_F(Status, shows_a_configuration_that_stops_the_broker) {
  write_file(paths::configuration, "broker_uid = 1\n");
  EXPECT_NE(json()["configuration"]["error"].get<std::string>().find("looker_uid is missing"), std::string::npos);
  EXPECT_EQ(status_, 1);
}

TEST_F(StatusCounters, are_shown_in_sum) {
  counters_.datagrams = 1234;
  counters_.dropped = 4;
  counters_.requests.front() = {1, 20, 300};
  counters_.requests.back() = {5, 60, 844};
  counters_.refused_by_rule[rule_index("lockdown")] = 75;
  counters_.refused_by_rule[rule_index("shm.rw")] = 5;
  counters_.log_lines_lost = 7;
  publish();
  const nlohmann::json broker = shown_broker();
  EXPECT_EQ(status_, 0) << said();
  EXPECT_EQ(broker["counters"], (nlohmann::json{{"datagrams", 1234},
                                                {"dropped", 4},
                                                {"done", 6},
                                                {"refused", 80},
                                                {"failed", 1144},
                                                {"refused_by_rule", {{"lockdown", 75}, {"shm.rw", 5}}},
                                                {"replies_unsent", 0},
                                                {"leftovers_removed", 0},
                                                {"parked", 0},
                                                {"parked_most", 0},
                                                {"log_lines_lost", 7}}));
  EXPECT_EQ(broker["configuration_hash"], json()["configuration"]["hash"]);
  EXPECT_EQ(broker["configuration_changed"], false);
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_NE(said().find("datagrams 1234, done 6, refused 80, failed 1144\n"), std::string::npos) << said();
  EXPECT_NE(said().find("log lines lost     7\n"), std::string::npos) << said();
  EXPECT_EQ(said().find("not the file's"), std::string::npos) << said();
}

TEST_F(StatusCounters, show_that_the_configuration_changed_since_the_broker_started) {
  publish();
  ASSERT_EQ(run({"status"}), 0) << "the control: " << said();
  const std::string before = read_file(paths::configuration);
  write_file(paths::configuration, before + "# a remark\n");
  const nlohmann::json shown = json();
  EXPECT_EQ(status_, 1);
  const nlohmann::json& broker = shown["installations"][0]["broker"];
  EXPECT_EQ(broker["configuration_changed"], true);
  EXPECT_NE(broker["configuration_hash"], shown["configuration"]["hash"]);
  EXPECT_EQ(shown["installations"][0]["intact"], true) << "nothing is wrong with the adoption";
  EXPECT_EQ(run({"status"}), 1);
  EXPECT_NE(said().find(", which is not the file's: that changed since"), std::string::npos) << said();
  EXPECT_NE(said().find("intact"), std::string::npos) << said();
  write_file(paths::configuration, before);
  EXPECT_EQ(run({"status"}), 0) << said();
}

TEST_F(StatusCounters, show_what_the_kernel_of_the_broker_lacks) {
  struct Case {
    std::uint64_t degraded;
    nlohmann::json missing;
    const char* text;
  };
  const Case cases[] = {{0, nlohmann::json::array(), nullptr},
                        {without_landlock, {"Landlock"}, "the kernel has no Landlock\n"},
                        {without_scm_pidfd, {"SCM_PIDFD"}, "the kernel has no SCM_PIDFD\n"},
                        {without_landlock | without_scm_pidfd,
                         {"Landlock", "SCM_PIDFD"},
                         "the kernel has no Landlock and no SCM_PIDFD\n"}};
  for (const auto& [degraded, missing, text] : cases) {
    counters_.degraded = degraded;
    publish();
    EXPECT_EQ(shown_broker()["degraded"], missing);
    EXPECT_EQ(shown_broker()["landlock"], (degraded & without_landlock) == 0);
    EXPECT_EQ(status_, 0) << "a kernel is nothing that an administrator of ours can mend";
    EXPECT_EQ(run({"status"}), 0);
    EXPECT_EQ(said().contains(text != nullptr ? text : "degraded"), text != nullptr) << said();
  }
}

TEST_F(StatusCounters, of_a_broker_are_shown_beside_a_configuration_that_is_none) {
  publish();
  write_file(paths::configuration, "broker_uid = 1\n");
  const nlohmann::json broker = shown_broker();
  EXPECT_EQ(status_, 1);
  EXPECT_EQ(broker["configuration_changed"], false) << "there is nothing to compare with";
  EXPECT_EQ(broker["counters"]["datagrams"], 0);
  EXPECT_EQ(run({"status"}), 1);
  EXPECT_NE(said().find(", which is not what the file says: that one is refused"), std::string::npos) << said();
}

TEST_F(StatusCounters, are_not_shown_where_there_is_no_page_of_this_broker) {
  expect_no_counters();
  // Left by an earlier one: its configuration is nobody's concern any more.
  counters_.broker_pid += 1;
  counters_.configuration_hash += 1;
  publish();
  expect_no_counters();
  counters_.broker_pid -= 1;
  publish();
  EXPECT_EQ(run({"status"}), 1) << "the control: " << said();
}

TEST_F(StatusCounters, are_not_shown_of_a_file_that_is_no_page) {
  publish();
  const std::string page = run_directory() + "/counters";
  const std::string good = read_file(page);
  ASSERT_TRUE(shown_broker().contains("counters")) << "the control: " << said();
  std::string half_written = good;
  half_written[24] = 3;
  for (const std::string& contents :
       {std::string(), good.substr(0, good.size() - 1), good + "x", std::string(good.size(), '\xff'), half_written}) {
    write_file(page, contents);
    expect_no_counters();
  }
  write_file(page, good, 0666);
  expect_no_counters();
  write_file(page, good, 0644, 3001, 3001);
  expect_no_counters();
  remove_tree(page);
  write_file("/mnt/test/elsewhere", good);
  std::filesystem::create_symlink("/mnt/test/elsewhere", page);
  expect_no_counters();
  remove_tree(page);
  ASSERT_EQ(mkfifo(page.c_str(), 0644), 0);
  expect_no_counters();
}

TEST_F(Status, is_an_error_where_it_cannot_be_told) {
  EXPECT_EQ(run_unprivileged({"status"}), 4);
  ASSERT_EQ(chmod(paths::installations, 0777), 0);
  EXPECT_EQ(run({"status"}), 4);
  EXPECT_NE(complaint().find("writable-by-others"), std::string::npos) << complaint();
}

TEST_F(Status, a_wrong_command_line_is_a_usage_error) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{},
                                                                                         {"adapt"},
                                                                                         {"adopt"},
                                                                                         {"adopt", "/a", "/b"},
                                                                                         {"restore"},
                                                                                         {"status", "--yaml"},
                                                                                         {"status", "x"},
                                                                                         {"adopt", "/a", "--name"}}) {
    EXPECT_EQ(run(arguments), 2) << testing::PrintToString(arguments);
    EXPECT_NE(complaint(), "");
  }
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_EQ(run({"--version"}), 0);
}

}  // namespace
}  // namespace secshr::test
