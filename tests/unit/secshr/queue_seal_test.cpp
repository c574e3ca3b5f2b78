// A queue that is sealed takes nothing any more, and is so only where nobody's datagram is in it.
#include "secshr/queue_seal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>

namespace secshr {
namespace {

namespace fs = std::filesystem;

class Seal : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "seal-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    bind(socket_);
    const Descriptor file(::open(server().c_str(), O_PATH | O_CLOEXEC));
    auto made = QueueSeal::make(file.get());
    ASSERT_TRUE(made.has_value()) << made.error();
    seal_ = *std::move(made);
  }
  void TearDown() override { fs::remove_all(path_); }

  [[nodiscard]] std::string server() const { return path_ + "/server"; }
  [[nodiscard]] sockaddr_un address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    server().copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  void bind(Descriptor& socket) const {
    socket.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    const sockaddr_un name = address();
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  // Sends one datagram of that size from another process: 0, or an errno. Waits for room where `flags` do not say no.
  [[nodiscard]] int send_from_another(std::size_t size, int flags = MSG_DONTWAIT) const {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(send(size, flags));
    int status = -1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] int send(std::size_t size, int flags) const {
    const Descriptor sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::array<char, 64> bytes{};
    const sockaddr_un name = address();
    const ssize_t sent = ::sendto(sender.get(), bytes.data(), size, flags | MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&name), sizeof name);
    return sent < 0 ? errno : 0;
  }
  std::size_t drain() const {
    std::size_t count = 0;
    std::array<char, 64> bytes{};
    while (::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) >= 0) ++count;
    return count;
  }

  std::string path_;
  Descriptor socket_;
  QueueSeal seal_;
};

TEST_F(Seal, of_an_empty_queue_leaves_room_for_nobody) {
  EXPECT_EQ(send_from_another(1), 0) << "the control";
  EXPECT_EQ(drain(), 1U);
  EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::sealed);
  EXPECT_EQ(send_from_another(1), EAGAIN);
  // It stays so, and can be said again.
  EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::sealed);
}

TEST_F(Seal, of_a_socket_that_is_told_the_time_of_sending_is_one_too) {
  const int on = 1;
  ASSERT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), 0);
  ASSERT_EQ(send_from_another(1), 0);
  EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::others);
  (void)drain();
  EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::sealed);
}

TEST_F(Seal, is_not_there_where_somebodys_datagram_is) {
  for (const std::size_t size : {0U, 1U, 2U, 64U}) {
    // In front of ours, between, and behind.
    ASSERT_EQ(send_from_another(size), 0);
    EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::others) << size;
    EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::others) << "looking takes nothing away";
    EXPECT_GT(drain(), 1U);
    EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::sealed) << size;
    std::array<char, 64> bytes{};
    ASSERT_EQ(::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT), 1);
    ASSERT_EQ(send_from_another(size), 0) << "into the gap";
    EXPECT_EQ(seal_.seal(socket_.get()), QueueSeal::State::others) << size;
    (void)drain();
  }
}

TEST_F(Seal, lets_who_waits_for_room_reach_the_names_next_owner) {
  ASSERT_EQ(seal_.seal(socket_.get()), QueueSeal::State::sealed);
  const pid_t waiting = ::fork();
  ASSERT_GE(waiting, 0);
  if (waiting == 0) {
    socket_.reset();  // not the last one's to close
    ::_exit(send(3, 0));
  }
  ::usleep(50'000);
  EXPECT_EQ(::waitpid(waiting, nullptr, WNOHANG), 0) << "it does not wait";
  ASSERT_EQ(::unlink(server().c_str()), 0);
  Descriptor next;
  bind(next);
  socket_.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(waiting, &status, 0), waiting);
  EXPECT_EQ(status, 0);
  std::array<char, 64> bytes{};
  EXPECT_EQ(::recv(next.get(), bytes.data(), bytes.size(), MSG_DONTWAIT), 3);
}

TEST_F(Seal, lets_who_waits_for_room_be_refused_where_nobody_has_the_name) {
  ASSERT_EQ(seal_.seal(socket_.get()), QueueSeal::State::sealed);
  const pid_t waiting = ::fork();
  ASSERT_GE(waiting, 0);
  if (waiting == 0) {
    socket_.reset();  // not the last one's to close
    ::_exit(send(3, 0));
  }
  ::usleep(50'000);
  socket_.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(waiting, &status, 0), waiting);
  EXPECT_EQ(WEXITSTATUS(status), ECONNREFUSED);
}

TEST_F(Seal, that_fills_nothing_still_tells_whether_somebodys_datagram_is_there) {
  QueueSeal none;
  EXPECT_EQ(none.seal(socket_.get()), QueueSeal::State::unable);
  ASSERT_EQ(send_from_another(1), 0);
  EXPECT_EQ(none.seal(socket_.get()), QueueSeal::State::others);
}

}  // namespace
}  // namespace secshr
