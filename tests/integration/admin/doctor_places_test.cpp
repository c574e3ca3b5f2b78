// secshrctl doctor on configuration, records, logs, run directories and identities that were damaged in one way each;
// see doctor_programs_test.cpp.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/integration/admin/doctor_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class DoctorPlaces : public DoctorTest {
 protected:
  static void own(const std::string& path, uid_t uid = 1234) {
    ASSERT_EQ(::lchown(path.c_str(), uid, static_cast<gid_t>(-1)), 0) << path;
  }
  static void change(const std::string& path, mode_t mode) { ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path; }
  // That this is what could not be looked at.
  void expect_unseen(const nlohmann::json& shown, const std::string& where) {
    EXPECT_EQ(status(), 4);
    ASSERT_EQ(shown["could_not_look"].size(), 1U) << shown;
    EXPECT_EQ(shown["could_not_look"][0]["where"], where);
  }
  static inline const std::string configuration = paths::configuration;
  static inline const std::string records = paths::installations;
  static inline const std::string log = log_directory + "/gtm_secshr_log";
};

TEST_F(DoctorPlaces, configuration_that_is_missing) {
  fs::rename(configuration, configuration + ".aside");
  // The kept one is what the broker has.
  (void)expect_findings({{"configuration.missing", configuration}, {"running.kept", configuration}}, "error");
}

TEST_F(DoctorPlaces, configuration_of_another_owner) {
  own(configuration);
  const auto shown =
      expect_findings({{"configuration.owner", configuration}, {"running.kept", configuration}}, "error");
  EXPECT_EQ(command_of(shown, "configuration.owner"), "chown root:root " + configuration);
  own(configuration, 0);
  expect_healthy();
}

TEST_F(DoctorPlaces, configuration_that_its_group_may_write) {
  change(configuration, 0664);
  const auto shown =
      expect_findings({{"configuration.mode", configuration}, {"running.kept", configuration}}, "error");
  EXPECT_EQ(command_of(shown, "configuration.mode"), "chmod go-w " + configuration);
  change(configuration, 0640);
  expect_healthy();
}

TEST_F(DoctorPlaces, configuration_with_an_error) {
  const std::string before = read_file(configuration);
  write_file(configuration, before + "unknown = 1\n");
  const auto shown =
      expect_findings({{"configuration.invalid", configuration}, {"running.kept", configuration}}, "error");
  EXPECT_NE(shown["findings"][0]["reason"].dump().find(configuration + ":5:1: unknown key"), std::string::npos)
      << shown;
  write_file(configuration, before);
  expect_healthy();
}

TEST_F(DoctorPlaces, configuration_whose_directory_others_may_write) {
  change("/etc/secshr", 0777);
  // Then there are no records to go by either.
  const auto shown = expect_findings({{"path.mode", "/etc/secshr"}}, "error");
  expect_unseen(shown, records);
  change("/etc/secshr", 0755);
  expect_healthy();
}

TEST_F(DoctorPlaces, record_of_another_owner) {
  own(record);
  expect_mendable({{"records.owner", record}}, "error");
}

TEST_F(DoctorPlaces, record_that_others_may_write) {
  change(record, 0646);
  expect_mendable({{"records.mode", record}}, "error");
}

TEST_F(DoctorPlaces, records_whose_directory_others_may_write) {
  change(records, 0775);
  expect_unseen(expect_findings({{"records.mode", records}}, "error"), records);
  mend();
}

TEST_F(DoctorPlaces, record_with_an_error) {
  const std::string broken = records + "/broken.toml";
  write_file(broken, "profile = 'x'\n");
  const auto shown = expect_findings({{"records.invalid", broken}}, "error");
  EXPECT_NE(shown["findings"][0]["reason"].dump().find(":1:11: profile: no such profile"), std::string::npos)
      << shown;
  fs::remove(broken);
  expect_healthy();
}

TEST_F(DoctorPlaces, log_of_another_owner) {
  own(log);
  expect_mendable({{"log.owner", log}}, "error");
  own(log_directory);
  expect_mendable({{"log.owner", log_directory}}, "error");
}

TEST_F(DoctorPlaces, log_that_its_group_may_write) {
  change(log, 0660);
  expect_mendable({{"log.mode", log}}, "error");
  change(log_directory, 0775);
  expect_mendable({{"log.mode", log_directory}}, "error");
}

TEST_F(DoctorPlaces, log_with_a_second_name) {
  fs::create_hard_link(log, log_directory + "/second");
  expect_mendable({{"log.file", log}}, "error");
}

TEST_F(DoctorPlaces, log_directory_of_the_configuration_is_the_one_that_is_looked_at) {
  make_directory("/mnt/test/audit", 0777);
  configure("'" + tmp + "'", "log_directory = '/mnt/test/audit'\n");
  start_broker();
  expect_mendable({{"log.mode", "/mnt/test/audit"}}, "error");
}

TEST_F(DoctorPlaces, run_directory_of_another_owner) {
  own(paths::run);
  // Nobody can tell then whose lock it is.
  const auto shown = expect_findings({{"run.owner", paths::run}}, "error");
  expect_unseen(shown, run_directory);
  mend();
}

TEST_F(DoctorPlaces, run_directory_that_others_may_write) {
  change(run_directory, 0757);
  expect_unseen(expect_findings({{"run.mode", run_directory}}, "error"), run_directory);
  mend();
}

TEST_F(DoctorPlaces, files_of_a_broker_that_are_open_to_others) {
  write_file(run_directory + "/directories", "", 0600);
  write_file(run_directory + "/namespaces", "", 0644);
  expect_healthy();
  for (const auto& [name, mode] : {std::pair{"lock", 0644U},
                                   {"configuration", 0640U},
                                   {"directories", 0604U},
                                   {"counters", 0664U},
                                   {"namespaces", 0646U}}) {
    const std::string path = run_directory + "/" + name;
    change(path, mode);
    expect_mendable({{"run.mode", path}}, "error");
  }
}

TEST_F(DoctorPlaces, file_of_a_broker_of_another_owner) {
  own(run_directory + "/counters");
  expect_mendable({{"run.owner", run_directory + "/counters"}}, "error");
}

TEST_F(DoctorPlaces, account_with_one_of_the_three_uids) {
  const std::string passwd = read_file("/etc/passwd");
  // A name that holds the number, and a gid that is.
  write_file("/etc/passwd", passwd + "64102:x:3999:64102::/:/bin/sh\n");
  expect_healthy();
  write_file("/etc/passwd", passwd + "somebody:x:64102:3999::/:/bin/sh\n");
  const auto shown = expect_findings({{"uid.account", "/etc/passwd"}}, "warning");
  EXPECT_NE(shown["findings"][0]["reason"].dump().find("looker_uid is 64102"), std::string::npos) << shown;
  EXPECT_EQ(command_of(shown, "uid.account"),
            "sed -i -E 's/^looker_uid *=.*/looker_uid = 64104/' /etc/secshr/secshr.toml && secshrctl reload");
  write_file("/etc/passwd", passwd);
  expect_healthy();
}

TEST_F(DoctorPlaces, group_with_one_of_the_three_numbers) {
  const std::string group = read_file("/etc/group");
  write_file("/etc/group", group + "somebody:x:64103:\nother:x:64104:\n");
  const auto shown = expect_findings({{"uid.account", "/etc/group"}}, "warning");
  EXPECT_NE(command_of(shown, "uid.account").find("writer_uid = 64105"), std::string::npos)
      << "neither taken nor another's: " << shown;
  write_file("/etc/group", group);
  expect_healthy();
}

TEST_F(DoctorPlaces, process_of_somebody_elses_with_one_of_the_three_uids) {
  const Running other = start_as({64104, 64102, {}}, {"/bin/sleep", {"sleep", "600"}, {}, {}});
  expect_healthy();
  const Running process = start_as({64101, 3999, {}}, {"/bin/sleep", {"sleep", "600"}, {}, {}});
  const std::string where = "/proc/" + std::to_string(process.pid());
  const auto shown = expect_findings({{"uid.process", where}}, "error");
  EXPECT_NE(shown["findings"][0]["reason"].dump().find("which is broker_uid"), std::string::npos) << shown;
  mend();
}

}  // namespace
}  // namespace secshr::test
