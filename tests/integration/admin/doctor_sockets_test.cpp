// secshrctl doctor on directories of sockets that were damaged in one way each; see doctor_programs_test.cpp.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/profile.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "tests/integration/admin/doctor_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class DoctorSockets : public DoctorTest {
 protected:
  static Descriptor bind_at(const std::string& path) {
    Descriptor bound(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    EXPECT_LT(path.size(), sizeof address.sun_path);
    path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
    return bound;
  }
  static std::string client_socket(pid_t pid) {
    const auto& gtm = protocol::profile(protocol::ProfileId::gtm);
    return tmp + "/" + std::string(protocol::client_socket_name(gtm, pid).view());
  }
  static std::string server_socket() {
    const struct stat wrapper = status_of(helper);
    const auto& gtm = protocol::profile(protocol::ProfileId::gtm);
    return std::string(
        protocol::server_socket_name(gtm, protocol::server_key(wrapper.st_dev, wrapper.st_ino)).view());
  }
  // Of a process that has ended.
  static pid_t dead_pid() {
    Running process = start_as({}, {"/bin/true", {"true"}, {}, {}});
    (void)process.wait();
    return process.pid();
  }
  static void change(const std::string& path, mode_t mode) { ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path; }
  static void own(const std::string& path, uid_t uid) {
    ASSERT_EQ(::chown(path.c_str(), uid, static_cast<gid_t>(-1)), 0) << path;
  }
  void expect_cleaned(const std::string& by) {
    const auto shown = expect_findings({{"tmp.cleaner", tmp}}, "warning");
    ASSERT_EQ(shown["findings"].size(), 1U);
    EXPECT_NE(shown["findings"][0]["reason"].dump().find(by), std::string::npos) << shown;
  }
};

TEST_F(DoctorSockets, pinned_directory_that_is_missing) {
  configure("'" + tmp + "', '/mnt/test/other'");
  start_broker();
  expect_mendable({{"tmp.missing", "/mnt/test/other"}}, "warning");
  EXPECT_EQ(status_of("/mnt/test/other").st_mode & 07777U, 01777U);
}

TEST_F(DoctorSockets, directory_that_others_may_write_and_is_not_sticky) {
  change(tmp, 0777);
  expect_mendable({{"tmp.sticky", tmp}}, "error");
  change(tmp, 0770);
  expect_mendable({{"tmp.sticky", tmp}}, "error");
  // The control: nobody shares it.
  change(tmp, 0755);
  expect_healthy();
}

TEST_F(DoctorSockets, shared_directory_that_a_user_owns) {
  own(tmp, 1234);
  expect_mendable({{"tmp.owner", tmp}}, "warning");
  own(tmp, 1234);
  change(tmp, 0700);
  expect_healthy();
}

TEST_F(DoctorSockets, directory_above_that_others_may_write) {
  make_directory("/mnt/test/srv/tmp", 01777);
  configure("'/mnt/test/srv/tmp'");
  start_broker();
  expect_healthy();
  change("/mnt/test/srv", 0777);
  expect_mendable({{"tmp.path", "/mnt/test/srv"}}, "warning");
  own("/mnt/test/srv", 1234);
  expect_mendable({{"tmp.path", "/mnt/test/srv"}}, "warning");
  change("/mnt/test/srv", 01777);
  expect_healthy();
}

TEST_F(DoctorSockets, directories_that_a_broker_has_served_and_that_the_caller_has) {
  const std::string served = "/mnt/test/served";
  make_directory(served, 0777);
  const struct stat facts = status_of(served);
  write_file(run_directory + "/directories",
             std::to_string(facts.st_dev) + " " + std::to_string(facts.st_ino) + " " + served + "\n", 0600);
  expect_mendable({{"tmp.sticky", served}}, "error");

  make_directory("/mnt/test/callers", 0777);
  const Outcome outcome =
      run_as(0, 0, {}, {"/usr/bin/secshrctl", "doctor", "--json"}, {"gtm_tmp=/mnt/test/callers/"});
  EXPECT_EQ(findings_of(nlohmann::json::parse(outcome.output)), (Findings{{"tmp.sticky", "/mnt/test/callers"}}));
}

TEST_F(DoctorSockets, tmp_is_looked_at_where_no_other_directory_is_known) {
  configure("");
  start_broker();
  expect_healthy();
  change("/tmp", 0777);
  expect_mendable({{"tmp.sticky", "/tmp"}}, "error");
}

TEST_F(DoctorSockets, leftovers_of_processes_that_have_ended) {
  const pid_t dead = dead_pid();
  // The controls: bound, of a living process, no socket, and no name of a client's.
  const Descriptor bound = bind_at(client_socket(dead));
  (void)bind_at(client_socket(broker_->pid()));
  write_file(client_socket(dead) + "a", "");
  (void)bind_at(tmp + "/" + server_socket());
  (void)bind_at(tmp + "/gtm_secshr0000001");
  expect_healthy();

  (void)bind_at(client_socket(dead) + "b");
  auto shown = expect_findings({{"tmp.leftovers", tmp}}, "notice");
  EXPECT_EQ(shown["findings"][0]["reason"], "A socket of a process that has ended is left over in it.");
  EXPECT_EQ(command_of(shown, "tmp.leftovers"), "secshrctl reap");
  (void)bind_at(client_socket(dead) + "c");
  shown = expect_findings({{"tmp.leftovers", tmp}}, "notice");
  EXPECT_EQ(shown["findings"][0]["reason"], "2 sockets of processes that have ended are left over in it.");
  EXPECT_TRUE(exists(client_socket(dead) + "b")) << "doctor removes nothing";
}

TEST_F(DoctorSockets, systemd_tmpfiles_that_would_remove_the_servers_socket) {
  write_file(delivered_tmpfiles + "/tmp.conf", "# Clear\nd /mnt/test/tmp 1777 root root 10d\n");
  expect_cleaned("/usr/lib/tmpfiles.d/tmp.conf");
  mend();
  EXPECT_EQ(read_file("/etc/tmpfiles.d/secshr.conf"), "x /mnt/test/tmp/gtm_secshr*\n");

  write_file("/etc/tmpfiles.d/secshr.conf", "x /mnt/test/tmp/gtm_secshr\n");
  expect_cleaned("/usr/lib/tmpfiles.d/tmp.conf");
  // The administrator's file of the same name is the one that counts.
  write_file("/etc/tmpfiles.d/tmp.conf", "d /mnt/test/tmp 1777 root root -\n");
  expect_healthy();
  fs::remove("/etc/tmpfiles.d/tmp.conf");
  fs::create_symlink("/dev/null", "/etc/tmpfiles.d/tmp.conf");
  expect_healthy();
  fs::remove("/etc/tmpfiles.d/tmp.conf");
  write_file("/run/tmpfiles.d/mine.conf", "q /mnt 0755 root root 1h\n");
  write_file(delivered_tmpfiles + "/tmp.conf", "");
  expect_cleaned("/run/tmpfiles.d/mine.conf");
}

TEST_F(DoctorSockets, tmpreaper_that_takes_all_kinds_of_files) {
  const std::string dirs = "TMPREAPER_DIRS='/tmp/. /mnt/test/tmp/.'\n";
  write_file("/etc/tmpreaper.conf", dirs);
  expect_healthy();
  write_file("/etc/tmpreaper.conf", "TMPREAPER_ADDITIONALOPTIONS='--all'\n");
  expect_healthy();
  write_file("/etc/tmpreaper.conf", dirs + "TMPREAPER_ADDITIONALOPTIONS='--all'\n");
  expect_cleaned("tmpreaper");
  mend();
}

TEST_F(DoctorSockets, tmpwatch_that_takes_all_kinds_of_files) {
  const std::string file = "/etc/cron.daily/tmpwatch";
  write_file(file, "#!/bin/sh\n/usr/sbin/tmpwatch 10d /mnt/test/tmp\n", 0755);
  expect_healthy();
  write_file(file, "#!/bin/sh\n/usr/sbin/tmpwatch --all 10d /mnt/test/tmp\n", 0755);
  expect_cleaned("tmpwatch");
  mend();
}

}  // namespace
}  // namespace secshr::test
