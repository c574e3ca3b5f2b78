// The server socket's file: its mode and group, whatever the directory gives to new files, and that nobody who may
// write to the directory can have another file treated in its place.
#include "secshr/server_socket.h"

#include <fcntl.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <type_traits>

#include "protocol/profile.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

constexpr gid_t group = 72001;
constexpr gid_t other_group = 72002;
const Identity somebody{71001, 72001, {}};
const std::string directory = "/mnt/test/tmp";
const protocol::SocketName name = protocol::server_socket_name(*protocol::find_profile("gtm"), 0x2E123456);
const std::string path = directory + "/" + std::string(name.view());

// As the starter is: root, but without CHOWN.
bool give_up_chown() {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> state(cap_get_proc(), &cap_free);
  const cap_value_t chown = CAP_CHOWN;
  return state && cap_set_flag(state.get(), CAP_EFFECTIVE, 1, &chown, CAP_CLEAR) == 0 &&
         cap_set_flag(state.get(), CAP_PERMITTED, 1, &chown, CAP_CLEAR) == 0 && cap_set_proc(state.get()) == 0;
}

std::expected<ServerSocket, SocketFault> bind_to_name(int opened, mode_t mode, gid_t wanted) {
  auto bound = BoundSocket::bind(opened, mode, wanted);
  if (!bound) return std::unexpected(bound.error());
  return std::move(*bound).take_name(name);
}

class ServerSocketFile : public PrivateWorldTest {
 protected:
  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(directory, 01777);
  }
  static Descriptor open_directory() { return Descriptor(::open(directory.c_str(), O_PATH | O_CLOEXEC)); }
  // "bound", or the step that failed.
  static std::string bind(mode_t mode, gid_t wanted) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Descriptor in(ends[0]);
    Descriptor out(ends[1]);
    EXPECT_EQ(run_forked([&] {
                if (!give_up_chown()) return 1;
                const Descriptor opened = open_directory();
                const auto bound = bind_to_name(opened.get(), mode, wanted);
                const char* const step = bound ? "bound" : bound.error().step;
                if (::write(out.get(), step, std::strlen(step)) < 0) return 2;
                // What is made afterwards is root's group's again.
                const Descriptor file(::open("/mnt/test/afterwards", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
                struct stat facts{};
                return ::fstat(file.get(), &facts) == 0 && facts.st_gid == 0 ? 0 : 3;
              }),
              exited(0));
    out.reset();
    std::array<char, 64> text{};
    const ssize_t size = ::read(in.get(), text.data(), text.size());
    return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }
  static void expect_file(mode_t mode, gid_t wanted) {
    struct stat facts{};
    ASSERT_EQ(::lstat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode, S_IFSOCK | mode);
    EXPECT_EQ(facts.st_uid, 0U);
    EXPECT_EQ(facts.st_gid, wanted);
  }
  static std::ptrdiff_t entries() {
    return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
  }
};

TEST_F(ServerSocketFile, has_the_mode_and_the_group_that_are_asked_for) {
  EXPECT_EQ(bind(0660, group), "bound");
  expect_file(0660, group);
  EXPECT_EQ(bind(0666, 0), "bound");
  expect_file(0666, 0);
  EXPECT_EQ(entries(), 1);
}

TEST_F(ServerSocketFile, has_them_in_a_directory_that_gives_its_own_group_too) {
  make_directory(directory, 03777, 0, other_group);
  write_file(directory + "/control", "");
  EXPECT_EQ(bind(0660, group), "bound");
  expect_file(0660, group);
  EXPECT_EQ(bind(0666, 0), "bound");
  expect_file(0666, 0);
  EXPECT_EQ(bind(0660, other_group), "bound");
  expect_file(0660, other_group);
}

TEST_F(ServerSocketFile, is_not_made_for_a_group_that_there_cannot_be) {
  EXPECT_EQ(bind(0660, static_cast<gid_t>(-1)), "group");
  EXPECT_EQ(entries(), 0);
}

TEST_F(ServerSocketFile, leaves_nothing_where_a_directory_has_its_name) {
  make_directory(path);
  EXPECT_EQ(bind(0660, group), "name-is-a-directory");
  EXPECT_EQ(entries(), 1);
}

// Whoever owns the directory can exchange what lies in it for another socket of root's, at any time.
TEST_F(ServerSocketFile, of_somebody_elses_is_never_given_another_group_in_place_of_our_own) {
  // The setgid bit, so that a group has to be given.
  make_directory(directory, 02755, somebody.uid, other_group);
  const std::string decoy = directory + "/decoy";
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{AF_UNIX, {}};
  (void)decoy.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const Descriptor file(::open(decoy.c_str(), O_PATH | O_CLOEXEC));

  const pid_t attacker = ::fork();
  ASSERT_GE(attacker, 0);
  if (attacker == 0) {
    (void)as_user(somebody, [&] {
      while (true) {
        for (const auto& entry : fs::directory_iterator(directory)) {
          if (!entry.path().filename().string().starts_with(".secshr-")) continue;
          (void)::renameat2(AT_FDCWD, decoy.c_str(), AT_FDCWD, entry.path().c_str(), RENAME_EXCHANGE);
        }
      }
      return 0;
    });
    ::_exit(0);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  unsigned exchanged = 0;
  const Descriptor opened = open_directory();
  while (exchanged < 20 && std::chrono::steady_clock::now() < end) {
    const auto bound = bind_to_name(opened.get(), 0660, group);
    struct stat facts{};
    ASSERT_EQ(::fstat(file.get(), &facts), 0);
    ASSERT_EQ(facts.st_gid, other_group) << "the decoy was given away";
    if (bound) continue;
    ++exchanged;
    // The decoy goes back to its place.
    for (const auto& entry : fs::directory_iterator(directory)) {
      struct stat found{};
      if (::lstat(entry.path().c_str(), &found) == 0 && found.st_ino == facts.st_ino) {
        (void)::rename(entry.path().c_str(), decoy.c_str());
      } else {
        (void)::unlink(entry.path().c_str());
      }
    }
  }
  EXPECT_GT(exchanged, 0U) << "the attacker was too slow to prove anything";
  kill_other_processes();
}

}  // namespace
}  // namespace secshr::test
