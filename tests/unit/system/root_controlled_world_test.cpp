// What open_root_controlled refuses because somebody else could have put it there: every owner and mode, as root
// finds it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "system/root_controlled.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

constexpr uid_t somebody = 71001;
const std::string top = "/mnt/test/top";
const std::string directory = top + "/directory";
const std::string file = directory + "/file";

class RootControlledWorld : public PrivateWorldTest {
 protected:
  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (!IsSkipped()) write_file(file, "contents");
  }
  static PathFault fault_of(const std::string& path, int flags = O_RDONLY) {
    const RootControlled result = open_root_controlled(path.c_str(), flags);
    const Descriptor owned(result.descriptor);
    return result.fault;
  }
};

TEST_F(RootControlledWorld, opens_a_file_and_a_directory_of_roots) {
  EXPECT_EQ(fault_of(file), PathFault::none);
  EXPECT_EQ(fault_of(directory), PathFault::none);
  const RootControlled result = open_root_controlled(file.c_str(), O_RDONLY);
  const Descriptor owned(result.descriptor);
  char text[9] = {};
  EXPECT_EQ(::read(owned.get(), text, 8), 8);
  EXPECT_STREQ(text, "contents");
}

TEST_F(RootControlledWorld, opens_with_the_flags_that_were_asked_for) {
  const Descriptor path(open_root_controlled(file.c_str(), O_PATH).descriptor);
  EXPECT_NE(::fcntl(path.get(), F_GETFL) & O_PATH, 0);
  const Descriptor appending(open_root_controlled(file.c_str(), O_WRONLY | O_APPEND).descriptor);
  EXPECT_EQ(::write(appending.get(), "!", 1), 1);
  EXPECT_EQ(read_file(file), "contents!");
  EXPECT_EQ(fault_of(directory, O_WRONLY), PathFault::wrong_type);
}

TEST_F(RootControlledWorld, refuses_a_last_component_that_others_may_write) {
  for (const mode_t mode : {0664U, 0646U, 0666U, 0620U, 0602U, 01666U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(fault_of(file), PathFault::writable_by_others) << std::oct << mode;
  }
  for (const mode_t mode : {0644U, 0600U, 0400U, 0U, 0755U, 04755U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(fault_of(file), PathFault::none) << std::oct << mode;
  }
  for (const mode_t mode : {0775U, 0757U, 01777U}) {
    ASSERT_EQ(::chmod(directory.c_str(), mode), 0);
    EXPECT_EQ(fault_of(directory), PathFault::writable_by_others) << std::oct << mode;
  }
}

TEST_F(RootControlledWorld, refuses_what_root_does_not_own_and_does_not_mind_the_group) {
  for (const std::string& path : {file, directory, top}) {
    ASSERT_EQ(::chown(path.c_str(), somebody, 0), 0);
    EXPECT_EQ(fault_of(file), PathFault::not_root_owned) << path;
    ASSERT_EQ(::chown(path.c_str(), 0, somebody), 0);
    EXPECT_EQ(fault_of(file), PathFault::none) << path;
  }
}

TEST_F(RootControlledWorld, refuses_a_directory_on_the_way_that_others_may_write) {
  for (const mode_t mode : {0775U, 0757U, 0777U}) {
    ASSERT_EQ(::chmod(top.c_str(), mode), 0);
    EXPECT_EQ(fault_of(file), PathFault::writable_by_others) << std::oct << mode;
  }
  ASSERT_EQ(::chmod(top.c_str(), 0711), 0);
  EXPECT_EQ(fault_of(file), PathFault::none);
}

TEST_F(RootControlledWorld, trusts_a_sticky_directory_only_for_directories_of_roots) {
  ASSERT_EQ(::chmod(top.c_str(), 01777), 0);
  EXPECT_EQ(fault_of(file), PathFault::none);
  ASSERT_EQ(::chown(directory.c_str(), somebody, 0), 0);
  EXPECT_EQ(fault_of(file), PathFault::not_root_owned);
  ASSERT_EQ(::chown(directory.c_str(), 0, 0), 0);
  // Others can put a link to any file of root's there.
  ASSERT_EQ(::link(file.c_str(), (top + "/planted").c_str()), 0);
  EXPECT_EQ(fault_of(top + "/planted"), PathFault::writable_by_others);
  ASSERT_EQ(::chmod(top.c_str(), 0755), 0);
  EXPECT_EQ(fault_of(top + "/planted"), PathFault::none);
}

TEST_F(RootControlledWorld, refuses_symbolic_links_of_roots_too_and_everywhere) {
  namespace fs = std::filesystem;
  fs::create_symlink(file, directory + "/link");
  fs::create_directory_symlink(directory, top + "/link");
  fs::create_symlink("/no-such", directory + "/dangling");
  EXPECT_EQ(fault_of(directory + "/link"), PathFault::symbolic_link);
  EXPECT_EQ(fault_of(directory + "/link", O_PATH), PathFault::symbolic_link);
  EXPECT_EQ(fault_of(directory + "/link", O_RDONLY | O_CREAT), PathFault::symbolic_link);
  EXPECT_EQ(fault_of(directory + "/dangling"), PathFault::symbolic_link);
  EXPECT_EQ(fault_of(top + "/link/file"), PathFault::symbolic_link);
  EXPECT_EQ(fault_of(top + "/link/"), PathFault::symbolic_link);
  EXPECT_EQ(fault_of("/proc/self/exe"), PathFault::symbolic_link);
  EXPECT_EQ(fault_of("/proc/self/cwd/etc/passwd"), PathFault::symbolic_link);
}

TEST_F(RootControlledWorld, refuses_every_other_type_without_opening_it) {
  ASSERT_EQ(::mkfifo((directory + "/fifo").c_str(), 0600), 0);
  // Opening a FIFO would block here.
  EXPECT_EQ(fault_of(directory + "/fifo"), PathFault::wrong_type);
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{AF_UNIX, {}};
  (directory + "/socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(fault_of(directory + "/socket"), PathFault::wrong_type);
  EXPECT_EQ(fault_of("/dev/zero"), PathFault::wrong_type);
  EXPECT_EQ(fault_of(file + "/x"), PathFault::wrong_type);
}

TEST_F(RootControlledWorld, is_inaccessible_or_not_roots_for_a_user_who_may_not_search) {
  ASSERT_EQ(::chmod(directory.c_str(), 0700), 0);
  const auto fault_as_user = [](uid_t uid) {
    return as_user({uid, uid, {}}, [] { return static_cast<int>(fault_of(file)); });
  };
  EXPECT_EQ(fault_as_user(somebody), exited(static_cast<int>(PathFault::inaccessible)));
  EXPECT_EQ(fault_as_user(0), exited(static_cast<int>(PathFault::none)));
}

TEST_F(RootControlledWorld, what_comes_back_is_what_was_checked_while_names_are_exchanged) {
  // One is root's, the other somebody's; whichever is met, what is opened is never somebody's.
  write_file(directory + "/other", "evil", 0644, somebody);
  const std::string other = directory + "/other";
  const Running loop =
      start_as({0, 0, {}}, {"/usr/bin/true", {"true"}, {}, [&] {
                              while (true) {
                                (void)::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
                              }
                            }});
  int opened = 0;
  int refused = 0;
  for (int i = 0; i < 50000; ++i) {
    const RootControlled result = open_root_controlled(file.c_str(), O_RDONLY);
    const Descriptor owned(result.descriptor);
    if (!owned) {
      ASSERT_EQ(result.fault, PathFault::not_root_owned);
      ++refused;
      continue;
    }
    struct stat status{};
    ASSERT_EQ(::fstat(owned.get(), &status), 0);
    ASSERT_EQ(status.st_uid, 0U);
    ++opened;
  }
  EXPECT_GT(opened, 0);
  EXPECT_GT(refused, 0);
  (void)loop.pid();
}

}  // namespace
}  // namespace secshr::test
