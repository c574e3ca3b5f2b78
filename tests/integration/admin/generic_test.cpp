// secshrctl on a directory of programs that are neither GT.M nor YottaDB: the wrapper comes, and goes again.
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "installation/installation.h"
#include "installation/limits.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class Generic : public AdminTest {
 protected:
  static inline const std::string application = "/mnt/test/application";
  static inline const std::string wrapper = application + "/gtmsecshr";
  static inline const std::string application_record = std::string(paths::installations) + "/application.toml";
  static inline const std::string release = "application 1.2";

  void SetUp() override {
    AdminTest::SetUp();
    SECSHR_REQUIRES_PRIVATE_WORLD();
    make_directory(application);
    install_built("tests/lock_holder", application + "/program", 0755);
    stock_ = snapshot(application);
  }
  static std::vector<std::string> adopt(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"adopt", application, "--profile", "generic", "--release", release};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  void expect_refused_and_unchanged(const std::vector<std::string>& arguments, const std::string& why,
                                    int status = 1) {
    const std::string before = snapshot(application) + snapshot();
    EXPECT_EQ(run(arguments), status) << said();
    EXPECT_NE(complaint().find(why), std::string::npos) << complaint();
    EXPECT_EQ(snapshot(application) + snapshot(), before);
  }
  static void expect_adopted(mode_t mode = 04755, gid_t group = 0) {
    EXPECT_EQ(read_file(wrapper), read_file(paths::wrapper));
    EXPECT_EQ(status_of(wrapper).st_mode, S_IFREG | mode);
    EXPECT_EQ(status_of(wrapper).st_uid, 0U);
    EXPECT_EQ(status_of(wrapper).st_gid, group);
    EXPECT_EQ(status_of(wrapper).st_nlink, 1U) << "copied, never linked";
    for (const auto& entry : fs::directory_iterator(application)) {
      EXPECT_TRUE(entry.path() == wrapper || entry.path() == application + "/program") << entry.path();
    }
    const struct stat found_wrapper = status_of(wrapper);
    const auto found = find_installation(paths::installations, found_wrapper.st_dev, found_wrapper.st_ino);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->name, "application");
    EXPECT_EQ((*found)->profile->name, "generic");
    EXPECT_EQ((*found)->directory, application);
    EXPECT_EQ((*found)->release, release);
  }

  std::string stock_;
};

TEST_F(Generic, is_adopted_and_restored_to_what_it_was) {
  EXPECT_EQ(run(adopt()), 0) << complaint();
  EXPECT_EQ(complaint(), "");
  expect_adopted();
  EXPECT_EQ(run({"status"}), 3) << said();
  EXPECT_NE(said().find("generic"), std::string::npos) << said();
  EXPECT_NE(said().find("intact"), std::string::npos) << said();
  EXPECT_NE(said().find("  secshr2E"), std::string::npos) << said();
  EXPECT_EQ(run({"restore", application}), 0) << complaint();
  EXPECT_EQ(snapshot(application), stock_);
  EXPECT_EQ(run({"status"}), 3) << said();
}

TEST_F(Generic, is_renewed_by_its_directory_alone) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  const std::string adopted = snapshot(application);
  EXPECT_EQ(run({"adopt", application}), 0) << complaint();
  EXPECT_NE(said().find("already"), std::string::npos) << said();
  EXPECT_EQ(snapshot(application), adopted);
  write_file(paths::wrapper, read_file(paths::wrapper) + "a newer version", 0755);
  EXPECT_EQ(run({"status"}), 1) << said();
  EXPECT_EQ(run({"adopt", application}), 0) << complaint();
  expect_adopted();
  EXPECT_EQ(run({"status"}), 3) << said();
}

TEST_F(Generic, with_another_release_is_the_same_installation_with_another_key) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  const std::string first = read_file(application_record);
  EXPECT_EQ(run({"adopt", application, "--release", "application 1.3"}), 0) << complaint();
  EXPECT_NE(read_file(application_record), first);
  EXPECT_NE(read_file(application_record).find("application 1.3"), std::string::npos);
}

TEST_F(Generic, gets_its_wrapper_back_where_it_was_lost) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  fs::remove(wrapper);
  EXPECT_EQ(run({"status"}), 1) << said();
  EXPECT_NE(said().find("gtmsecshr is missing; adopt again"), std::string::npos) << said();
  EXPECT_EQ(run({"adopt", application}), 0) << complaint();
  expect_adopted();
}

// Who may not search the directory cannot start anything there, and is no client.
TEST_F(Generic, lets_those_execute_the_wrapper_who_may_search_the_directory) {
  ASSERT_EQ(chown(application.c_str(), 0, 7), 0);
  ASSERT_EQ(chmod(application.c_str(), 0750), 0);
  EXPECT_EQ(run(adopt()), 0) << complaint();
  expect_adopted(04750, 7);
  ASSERT_EQ(chmod(application.c_str(), 0755), 0);
  EXPECT_EQ(run({"status"}), 1) << said();
  EXPECT_EQ(run({"adopt", application}), 0) << complaint();
  expect_adopted();
}

TEST_F(Generic, must_say_its_release) {
  expect_refused_and_unchanged({"adopt", application, "--profile", "generic"}, "--release: is needed", 2);
  expect_refused_and_unchanged({"adopt", application, "--profile", "generic", "--release", ""}, "printable", 2);
}

TEST_F(Generic, is_never_guessed) {
  expect_refused_and_unchanged({"adopt", application, "--release", release}, "--profile generic");
  expect_refused_and_unchanged({"adopt", application, "--profile", "other", "--release", release}, "--profile: must",
                               2);
  expect_refused_and_unchanged({"adopt", application, "--profile", "gtm", "--release", release}, "has no libgtmshr");
  expect_refused_and_unchanged({"adopt", application, "--profile", "ydb", "--release", release}, "has no libyottadb");
}

// A broker that could tell none of its processes, and one to which everybody's belonged.
TEST_F(Generic, is_a_directory_of_some_programs_and_not_too_many) {
  fs::rename(application + "/program", "/mnt/test/program");
  expect_refused_and_unchanged(adopt(), "no program or library");
  // Neither a script nor what nobody can execute is one, and nor is what is a directory further down.
  write_file(application + "/script", "#!/bin/sh\n", 0755);
  install_built("tests/lock_holder", application + "/data", 0644);
  install_built("tests/lock_holder", application + "/bin/program", 0755);
  fs::create_symlink("/mnt/test/program", application + "/link");
  expect_refused_and_unchanged(adopt(), "no program or library");

  for (std::size_t number = 0; number < limits::most_programs; ++number) {
    fs::create_hard_link("/mnt/test/program", application + "/program" + std::to_string(number));
  }
  fs::create_hard_link("/mnt/test/program", application + "/one-more");
  expect_refused_and_unchanged(adopt(), "65 programs and libraries in it, and the most is 64");
  fs::remove(application + "/one-more");
  EXPECT_EQ(run(adopt()), 0) << complaint();
  EXPECT_EQ(run(adopt()), 0) << "the wrapper is none of them: " << complaint();
}

TEST_F(Generic, a_library_is_enough) {
  fs::remove(application + "/program");
  install_built("tests/lock_holder", application + "/libapplication.so.1.2", 0644);
  EXPECT_EQ(run(adopt()), 0) << complaint();
}

TEST_F(Generic, is_never_an_installation_with_a_helper_of_its_own) {
  expect_refused_and_unchanged({"adopt", distribution, "--profile", "generic", "--release", release},
                               "not secshr's: a generic directory");
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  expect_refused_and_unchanged({"adopt", distribution, "--profile", "generic", "--release", release},
                               "is adopted with profile gtm already");
  // Its record lost, what was kept of it still tells.
  fs::remove(record);
  expect_refused_and_unchanged({"adopt", distribution, "--profile", "generic", "--release", release},
                               "secshrctl restore");
}

TEST_F(Generic, does_not_become_an_installation_of_gtm_unless_restored) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  write_file(application + "/libgtmshr.so", "GT.M V7.0-005 Linux x86_64" + std::string(1, '\0'));
  expect_refused_and_unchanged({"adopt", application, "--profile", "gtm"}, "is adopted with profile generic already");
  EXPECT_EQ(run({"adopt", application}), 0) << complaint();
  EXPECT_NE(read_file(application_record).find("generic"), std::string::npos) << "a library changes nothing";
}

TEST_F(Generic, undoes_everything_when_a_step_fails) {
  ASSERT_EQ(mount(application.c_str(), application.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, application.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_NOSUID, nullptr), 0);
  expect_refused_and_unchanged(adopt(), "nosuid", 4);
  ASSERT_EQ(umount(application.c_str()), 0);
  EXPECT_EQ(snapshot(application), stock_);
  EXPECT_EQ(run(adopt()), 0) << "the control: " << complaint();
}

TEST_F(Generic, restore_finishes_what_a_killed_run_began) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  fs::remove(wrapper);
  write_file(application + "/.gtmsecshr.secshr-new", "half a wrapper", 0600);
  EXPECT_EQ(run({"restore", application}), 0) << complaint();
  EXPECT_EQ(snapshot(application), stock_);
  EXPECT_FALSE(exists(application_record));
}

TEST_F(Generic, restore_leaves_what_is_not_ours) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  write_file(wrapper, "a helper of somebody's", 0755);
  EXPECT_EQ(run({"restore", application}), 0) << complaint();
  EXPECT_EQ(read_file(wrapper), "a helper of somebody's");
  EXPECT_FALSE(exists(application_record));
}

TEST_F(Generic, restore_ends_its_broker_and_nobody_elses) {
  ASSERT_EQ(run(adopt()), 0) << complaint();
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  Running broker = hold_lock(paths::broker, "application");
  Running other = hold_lock(paths::broker, "gtm");
  EXPECT_EQ(run({"restore", application}), 0) << complaint();
  EXPECT_EQ(broker.wait().ending, killed_by(SIGTERM));
  EXPECT_FALSE(exists("/run/secshr/application"));
  EXPECT_TRUE(runs(other.pid()));
  EXPECT_TRUE(exists(record));
}

}  // namespace
}  // namespace secshr::test
