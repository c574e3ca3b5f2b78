// A queue that is sealed takes nothing any more, and everybody's datagram in it can still be seen.
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
#include <vector>

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

  // The sizes of all that is in the sealed queue but ours, in their order.
  std::vector<std::size_t> look_through() const {
    std::vector<std::size_t> sizes;
    std::array<char, 64> bytes{};
    ssize_t size = 0;
    while ((size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_PEEK)) >= 0) {
      if (size != 1) sizes.push_back(static_cast<std::size_t>(size));
    }
    return sizes;
  }

  std::string path_;
  Descriptor socket_;
  QueueSeal seal_;
};

using Sizes = std::vector<std::size_t>;

TEST_F(Seal, of_an_empty_queue_leaves_room_for_nobody) {
  EXPECT_EQ(send_from_another(1), 0) << "the control";
  EXPECT_EQ(drain(), 1U);
  EXPECT_TRUE(seal_.seal(socket_.get()));
  EXPECT_EQ(send_from_another(1), EAGAIN);
  EXPECT_EQ(look_through(), Sizes{});
  EXPECT_EQ(send_from_another(1), EAGAIN) << "looking takes nothing out";
}

TEST_F(Seal, leaves_each_datagram_to_be_seen_once) {
  ASSERT_EQ(send_from_another(2), 0);
  ASSERT_EQ(send_from_another(0), 0) << "which nobody could answer";
  ASSERT_EQ(send_from_another(64), 0);
  ASSERT_EQ(send_from_another(3), 0);
  EXPECT_TRUE(seal_.seal(socket_.get()));
  Sizes seen = look_through();
  std::erase(seen, 0);
  EXPECT_EQ(seen, (Sizes{2, 64, 3}));
  EXPECT_EQ(look_through(), Sizes{});
}

TEST_F(Seal, of_a_full_queue_adds_nothing) {
  unsigned sent = 0;
  while (send_from_another(2) == 0) ++sent;
  EXPECT_TRUE(seal_.seal(socket_.get()));
  EXPECT_EQ(look_through(), Sizes(sent, 2));
  EXPECT_EQ(send_from_another(2), EAGAIN);
}

TEST_F(Seal, lets_who_waits_for_room_reach_the_names_next_owner) {
  ASSERT_TRUE(seal_.seal(socket_.get()));
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
  ASSERT_TRUE(seal_.seal(socket_.get()));
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

// Whatever they do meanwhile: what was sent is seen, or the sender knows.
TEST_F(Seal, loses_nothing_of_those_who_send_all_the_time) {
  std::array<int, 2> counts{};
  ASSERT_EQ(::pipe2(counts.data(), O_CLOEXEC), 0);
  std::vector<pid_t> senders;
  for (int each = 0; each < 6; ++each) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      socket_.reset();  // so that it closes when ours does
      seal_ = QueueSeal();
      std::size_t sent = 0;
      while (send(2, 0) == 0) ++sent;
      (void)!::write(counts[1], &sent, sizeof sent);
      ::_exit(0);
    }
    senders.push_back(child);
  }
  std::array<std::byte, 8> buffer{};
  std::size_t seen = 0;
  while (seen < 500) seen += ::recv(socket_.get(), buffer.data(), buffer.size(), 0) >= 0 ? 1 : 0;
  ASSERT_TRUE(seal_.seal(socket_.get()));
  seen += look_through().size();
  socket_.reset();
  std::size_t all_sent = 0;
  for (const pid_t child : senders) {
    std::size_t sent = 0;
    ASSERT_EQ(::read(counts[0], &sent, sizeof sent), static_cast<ssize_t>(sizeof sent));
    all_sent += sent;
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  }
  EXPECT_EQ(seen, all_sent);
  for (const int end : counts) (void)::close(end);
}

TEST_F(Seal, that_fills_nothing_seals_nothing) {
  EXPECT_FALSE(QueueSeal().seal(socket_.get()));
  EXPECT_EQ(send_from_another(1), 0);
}

}  // namespace
}  // namespace secshr
