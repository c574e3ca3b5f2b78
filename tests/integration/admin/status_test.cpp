// secshrctl status, and the command line itself: exit status and contents.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

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
