// Hostile places: wrappers and brokers that somebody else could have put where they are.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "secshr_paths.h"
#include "tests/privileged/wrapper_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class WrapperInstallation : public WrapperTest {
 protected:
  static Command start_at(const std::string& path, std::vector<std::string> environment = {}) {
    return {path, {path}, std::move(environment), {}};
  }
  static std::string inode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  }
  // A program of u1's that would leave a trace if anything ran it.
  static void plant_program(const std::string& path) {
    write_file(path, "#!/bin/sh\n: > /mnt/test/trap/sprung\n", 0755, u1, g1);
  }
  void SetUp() override {
    WrapperTest::SetUp();
    if (!IsSkipped()) make_directory("/mnt/test/trap", 0777);
  }
};

class WrapperBroker : public WrapperInstallation {
 protected:
  const std::string directory_ = fs::path(paths::broker).parent_path();
  void expect_bad_broker(const std::string& detail) {
    expect_refusal(start(), StartStatus::broker_not_verified, "reason=broker-not-verified detail=" + detail);
  }
};

// --- The wrapper's own file ---

TEST_F(WrapperInstallation, the_broker_gets_a_path_descriptor_of_the_wrapper_that_ran) {
  const Report seen = served(start());
  EXPECT_EQ(seen.at("descriptor.4"), wrapper + ":path");
  EXPECT_EQ(seen.at("inode.4"), inode_of(wrapper));
}

TEST_F(WrapperInstallation, a_distribution_of_the_callers_with_its_own_inner_program_is_never_executed) {
  make_directory("/mnt/test/evil", 0755, u1, g1);
  make_directory("/mnt/test/evil/gtmsecshrdir", 0755, u1, g1);
  plant_program("/mnt/test/evil/gtmsecshrdir/gtmsecshr");
  plant_program("/mnt/test/evil/secshrd");
  const Report seen = served(start_with({"gtm_dist=/mnt/test/evil"}));
  EXPECT_EQ(seen.at("inode.4"), inode_of(wrapper));
  EXPECT_FALSE(exists("/mnt/test/trap/sprung"));
  // The trap works.
  EXPECT_EQ(run_as(u1, g1, {}, {"/mnt/test/evil/gtmsecshrdir/gtmsecshr"}).ending, exited(0));
  EXPECT_TRUE(exists("/mnt/test/trap/sprung"));
}

TEST_F(WrapperInstallation, a_symbolic_link_to_the_wrapper_beside_hostile_programs_runs_the_installed_broker) {
  make_directory("/mnt/test/evil", 0755, u1, g1);
  fs::create_symlink(wrapper, "/mnt/test/evil/gtmsecshr");
  make_directory("/mnt/test/evil/gtmsecshrdir", 0755, u1, g1);
  fs::create_symlink("/bin/sh", "/mnt/test/evil/gtmsecshrdir/gtmsecshr");
  plant_program("/mnt/test/evil/secshrd");
  const Report seen = served(start_at("/mnt/test/evil/gtmsecshr"));
  EXPECT_EQ(seen.at("inode.4"), inode_of(wrapper));
  EXPECT_FALSE(exists("/mnt/test/trap/sprung"));
}

TEST_F(WrapperInstallation, a_hard_link_in_the_callers_directory_runs_the_installed_broker) {
  make_directory("/mnt/test/evil", 0777);
  ASSERT_EQ(::link(wrapper.c_str(), "/mnt/test/evil/gtmsecshr"), 0);
  plant_program("/mnt/test/evil/secshrd");
  const Report seen = served(start_at("/mnt/test/evil/gtmsecshr"));
  EXPECT_EQ(seen.at("inode.4"), inode_of(wrapper)) << "still the same installation";
  EXPECT_FALSE(exists("/mnt/test/trap/sprung"));
}

TEST_F(WrapperInstallation, a_distribution_behind_a_legitimate_symbolic_link_works) {
  fs::create_symlink(distribution, "/mnt/test/link");
  EXPECT_EQ(served(start_at("/mnt/test/link/gtmsecshr")).at("inode.4"), inode_of(wrapper));
}

TEST_F(WrapperInstallation, a_wrapper_renamed_or_unlinked_while_it_runs_is_still_the_one_that_ran) {
  const std::string inode = inode_of(wrapper);
  const Report seen = served(start_after([] {}));
  EXPECT_EQ(seen.at("inode.4"), inode);
  make_directory("/mnt/test/evil", 0777);
  ASSERT_EQ(::link(wrapper.c_str(), "/mnt/test/evil/doomed"), 0);
  // Gone by the time it looks at itself: executed through a descriptor that outlives the name.
  Command command = start_after([] {
    const int file = ::open("/mnt/test/evil/doomed", O_PATH);
    (void)::unlink("/mnt/test/evil/doomed");
    char name[] = "w";
    char* argv[] = {name, nullptr};
    char* envp[] = {nullptr};
    (void)::fexecve(file, argv, envp);
  });
  EXPECT_EQ(served(command).at("inode.4"), inode);
}

TEST_F(WrapperInstallation, refuses_a_wrapper_that_others_may_write) {
  for (const mode_t mode : {04775U, 04757U, 04777U}) {
    ASSERT_EQ(::chmod(wrapper.c_str(), mode), 0);
    expect_refusal(start(), StartStatus::bad_installation_path, "reason=wrapper-mode detail=none");
  }
  for (const mode_t mode : {04755U, 04555U, 06755U}) {
    ASSERT_EQ(::chmod(wrapper.c_str(), mode), 0);
    EXPECT_EQ(served(start()).at("argument.3"), std::to_string(g1)) << "the real group, setgid bit or not";
  }
}

TEST_F(WrapperInstallation, refuses_to_start_anything_without_the_setuid_bit) {
  ASSERT_EQ(::chmod(wrapper.c_str(), 0755), 0);
  expect_refusal(start(), StartStatus::not_privileged, "reason=not-privileged detail=none");
  // Root does not need the bit to be root, but an installation has it.
  write_file("/run/probe-report", "", 0666);
  EXPECT_EQ(run_as({0, 0, {}}, start()).ending, ending_of(StartStatus::bad_installation_path));
  EXPECT_EQ(read_file("/run/probe-report"), "");
}

TEST_F(WrapperInstallation, refuses_a_wrapper_that_is_setuid_to_somebody_else) {
  install_built("gtmsecshr", wrapper, 04755, u2);
  expect_refusal(start(), StartStatus::not_privileged, "reason=not-privileged detail=none");
  write_file("/run/probe-report", "", 0666);
  EXPECT_EQ(run_as({0, 0, {}}, start()).ending, ending_of(StartStatus::not_privileged));
  EXPECT_EQ(read_file("/run/probe-report"), "");
}

// --- The broker ---

TEST_F(WrapperBroker, refuses_a_broker_that_is_missing) {
  fs::remove(paths::broker);
  expect_bad_broker("missing");
  fs::remove_all(directory_);
  expect_bad_broker("missing");
}

TEST_F(WrapperBroker, refuses_a_broker_that_others_may_write) {
  for (const mode_t mode : {0775U, 0757U, 0777U, 01777U}) {
    ASSERT_EQ(::chmod(paths::broker, mode), 0);
    expect_bad_broker("writable-by-others");
  }
  ASSERT_EQ(::chmod(paths::broker, 0755), 0);
  (void)served(start());
}

TEST_F(WrapperBroker, refuses_a_broker_that_is_not_roots) {
  install_built("probes/report_state", paths::broker, 0755, u1, g1);
  expect_bad_broker("not-root-owned");
  install_built("probes/report_state", paths::broker, 0755, 0, g1);
  (void)served(start());
}

TEST_F(WrapperBroker, refuses_a_directory_on_the_way_that_others_may_write) {
  for (const mode_t mode : {0775U, 0777U, 01777U}) {
    ASSERT_EQ(::chmod(directory_.c_str(), mode), 0);
    expect_bad_broker("writable-by-others");
  }
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  (void)served(start());
  const std::string above = fs::path(directory_).parent_path();
  ASSERT_EQ(::chmod(above.c_str(), 0777), 0);
  expect_bad_broker("writable-by-others");
  ASSERT_EQ(::chmod(above.c_str(), 0755), 0);
}

TEST_F(WrapperBroker, a_sticky_directory_on_the_way_is_safe_only_for_what_is_roots) {
  const std::string above = fs::path(directory_).parent_path();
  for (const mode_t mode : {01777U, 01775U}) {
    SCOPED_TRACE(mode);
    ASSERT_EQ(::chmod(above.c_str(), mode), 0);
    (void)served(start());
    ASSERT_EQ(::chown(directory_.c_str(), u1, 0), 0);
    expect_bad_broker("not-root-owned");
    ASSERT_EQ(::chown(directory_.c_str(), 0, 0), 0);
    // Sticky keeps others from taking root's directory away, and no more than that.
    ASSERT_EQ(::chmod(above.c_str(), mode & 0777U), 0);
    expect_bad_broker("writable-by-others");
  }
  ASSERT_EQ(::chmod(above.c_str(), 01777), 0);
  ASSERT_EQ(::chown(above.c_str(), u1, 0), 0);
  expect_bad_broker("not-root-owned");
  ASSERT_EQ(::chown(above.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(above.c_str(), 0755), 0);
  (void)served(start());
}

TEST_F(WrapperBroker, refuses_a_directory_on_the_way_that_is_not_roots) {
  ASSERT_EQ(::chown(directory_.c_str(), u1, 0), 0);
  expect_bad_broker("not-root-owned");
  ASSERT_EQ(::chown(directory_.c_str(), 0, 0), 0);
  (void)served(start());
}

TEST_F(WrapperBroker, refuses_symbolic_links_to_the_broker_or_on_the_way) {
  const std::string moved = directory_ + "/real";
  fs::rename(paths::broker, moved);
  fs::create_symlink(moved, paths::broker);
  expect_bad_broker("symbolic-link");
  fs::remove(paths::broker);
  fs::rename(moved, paths::broker);
  fs::rename(directory_, "/usr/libexec/elsewhere");
  fs::create_directory_symlink("/usr/libexec/elsewhere", directory_);
  expect_bad_broker("symbolic-link");
  fs::remove(directory_);
  fs::rename("/usr/libexec/elsewhere", directory_);
  (void)served(start());
}

TEST_F(WrapperBroker, refuses_a_broker_that_is_setuid_or_setgid_or_not_executable) {
  for (const mode_t mode : {04755U, 02755U, 0644U, 0655U}) {
    ASSERT_EQ(::chmod(paths::broker, mode), 0);
    expect_bad_broker("mode");
  }
  ASSERT_EQ(::chmod(paths::broker, 0500), 0);
  (void)served(start());
}

TEST_F(WrapperBroker, refuses_a_broker_that_is_no_regular_file) {
  fs::remove(paths::broker);
  fs::create_directory(paths::broker);
  ASSERT_EQ(::chmod(paths::broker, 0755), 0);
  expect_bad_broker("mode");
  fs::remove(paths::broker);
  ASSERT_EQ(::mkfifo(paths::broker, 0700), 0);
  expect_bad_broker("wrong-type");
}

TEST_F(WrapperBroker, reports_a_broker_that_the_kernel_cannot_execute) {
  write_file(paths::broker, "no program\n", 0755);
  expect_refusal(start(), StartStatus::broker_not_verified, "reason=broker-not-executable detail=none");
  write_file(paths::broker, "", 0755);
  expect_refusal(start(), StartStatus::broker_not_verified, "reason=broker-not-executable detail=none");
  // A script would be opened by its interpreter through a name.
  plant_program(paths::broker);
  ASSERT_EQ(::chown(paths::broker, 0, 0), 0);
  expect_refusal(start(), StartStatus::broker_not_verified, "reason=broker-not-executable detail=none");
  EXPECT_FALSE(exists("/mnt/test/trap/sprung"));
}

TEST_F(WrapperBroker, a_directory_exchanged_in_a_loop_never_gets_another_program_executed) {
  // An administrator's mistake lets u1 rename the directory; what is in u1's copy must not run at any timing.
  const std::string above = fs::path(directory_).parent_path();
  const std::string evil = above + "/evil";
  make_directory(evil, 0755, u1, g1);
  plant_program(evil + "/secshrd");
  const Identity swapper{0, 0, {}};
  const Running loop =
      start_as(swapper, {"/usr/bin/true", {"true"}, {}, [&] {
                           while (true) {
                             (void)::renameat2(AT_FDCWD, directory_.c_str(), AT_FDCWD, evil.c_str(), RENAME_EXCHANGE);
                           }
                         }});
  int served_count = 0;
  int refused_count = 0;
  for (int i = 0; i < 400; ++i) {
    const Ending ending = run(start()).ending;
    served_count += ending == ending_of(StartStatus::serving) ? 1 : 0;
    refused_count += ending == ending_of(StartStatus::broker_not_verified) ? 1 : 0;
  }
  EXPECT_EQ(served_count + refused_count, 400);
  // The loop did what it should: both were met.
  EXPECT_GT(served_count, 0);
  EXPECT_GT(refused_count, 0);
  EXPECT_FALSE(exists("/mnt/test/trap/sprung"));
  (void)loop.pid();
  kill_other_processes();
  fs::remove_all(evil);
}

}  // namespace
}  // namespace secshr::test
