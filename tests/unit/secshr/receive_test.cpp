// What the kernel says of a sender is taken as it says it: a pidfd that came, or the time of sending where that was
// asked for, and nobody who merely has the sender's pid otherwise.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <initializer_list>
#include <stdexcept>
#include <utility>

#include "secshr/linux_kernel.h"
#include "system/descriptor.h"
#include "system/pidfd.h"

// Newer than glibc 2.36.
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

namespace secshr {
namespace {

BootTime since_boot() {
  timespec now{};
  EXPECT_EQ(::clock_gettime(CLOCK_BOOTTIME, &now), 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

class Receive : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    theirs_.reset(ends[1]);
  }
  bool ask_for(std::initializer_list<int> options) {
    const int on = 1;
    for (const int option : options) {
      if (::setsockopt(ours_.get(), SOL_SOCKET, option, &on, sizeof on) != 0) return false;
    }
    return true;
  }
  // From a process of its own, which is still there: what comes from the receiver itself goes to waste.
  [[nodiscard]] bool send() {
    if (sender_ == 0) start_sender();
    const char go = 0;
    char done = 0;
    return ::write(commands_.get(), &go, 1) == 1 && ::read(commands_.get(), &done, 1) == 1 && done == 1;
  }
  [[nodiscard]] bool send_ourselves() const { return ::send(theirs_.get(), "ping", 4, MSG_NOSIGNAL) == 4; }
  void start_sender() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    commands_.reset(ends[0]);
    sender_ = ::fork();
    ASSERT_GE(sender_, 0);
    if (sender_ != 0) {
      (void)::close(ends[1]);
      return;
    }
    (void)::close(ends[0]);
    char command = 0;
    while (::read(ends[1], &command, 1) == 1) {
      command = send_ourselves() ? 1 : 0;
      (void)!::write(ends[1], &command, 1);
    }
    ::_exit(0);
  }
  void TearDown() override {
    commands_.reset();
    if (sender_ > 0) (void)::waitpid(sender_, nullptr, 0);
  }
  Received receive(Queue queue = Queue::open) {
    auto replies = ReplySockets::make();
    auto connections = ReplyConnections::make();
    auto names = BoundNames::open();
    if (!replies || !connections || !names) throw std::runtime_error("no kernel to ask");
    LinuxKernel kernel(*std::move(replies), *std::move(connections), *std::move(names), ActingAsRoot::refused);
    std::array<std::byte, 64> buffer{};
    auto received = kernel.receive(ours_.get(), queue, buffer);
    if (!received) throw std::runtime_error("nothing came");
    EXPECT_EQ(received->size, 4U);
    EXPECT_FALSE(received->control_truncated);
    return *std::move(received);
  }

  Descriptor ours_, theirs_, commands_;
  pid_t sender_ = 0;
};

TEST_F(Receive, drops_what_comes_from_the_receiver_itself) {
  ASSERT_TRUE(ask_for({SO_PASSCRED}));
  for (int each = 0; each < 3; ++each) ASSERT_TRUE(send_ourselves());
  ASSERT_TRUE(send());
  ASSERT_TRUE(send_ourselves());
  EXPECT_EQ(receive().credentials->pid, sender_);
  EXPECT_THROW((void)receive(), std::runtime_error) << "the receiver's own is not another's";
}

TEST_F(Receive, of_a_sealed_queue_gives_each_once_and_takes_none_out) {
  if (!ask_for({SO_PASSCRED, SO_PASSPIDFD})) GTEST_SKIP() << "a kernel before Linux 6.5";
  ASSERT_TRUE(send());
  const std::array<std::byte, 200> too_long{};  // for the buffer of 64 bytes
  ASSERT_EQ(::send(theirs_.get(), too_long.data(), too_long.size(), 0), 200);
  ASSERT_TRUE(send());
  const int beginning = 0;
  ASSERT_EQ(::setsockopt(ours_.get(), SOL_SOCKET, SO_PEEK_OFF, &beginning, sizeof beginning), 0);
  for (int each = 0; each < 2; ++each) {
    const Received received = receive(Queue::sealed);
    EXPECT_EQ(received.credentials->pid, sender_) << each;
    EXPECT_TRUE(received.pidfd) << each;
    EXPECT_FALSE(received.data_truncated) << "what did not fit of the one between, which is our own, is not the next";
  }
  EXPECT_THROW((void)receive(Queue::sealed), std::runtime_error);
  EXPECT_EQ(receive().credentials->pid, sender_) << "it is still there";
}

TEST_F(Receive, opens_nobody_by_pid_where_it_is_not_known_when_that_was_sent) {
  ASSERT_TRUE(ask_for({SO_PASSCRED}));
  ASSERT_TRUE(send());
  const Received received = receive();
  ASSERT_TRUE(received.credentials);
  EXPECT_EQ(received.credentials->pid, sender_);
  EXPECT_FALSE(received.pidfd);
  EXPECT_FALSE(received.credentials->sent);
}

TEST_F(Receive, takes_the_pidfd_that_comes) {
  if (!ask_for({SO_PASSCRED, SO_PASSPIDFD})) GTEST_SKIP() << "a kernel before Linux 6.5";
  ASSERT_TRUE(send());
  const Received received = receive();
  ASSERT_TRUE(received.credentials);
  EXPECT_TRUE(received.pidfd);
  EXPECT_FALSE(received.credentials->sent);
}

TEST_F(Receive, opens_the_sender_by_pid_where_the_time_of_sending_comes_and_says_when_that_was) {
  ASSERT_TRUE(ask_for({SO_PASSCRED, SO_TIMESTAMPNS}));
  for (const useconds_t in_the_queue : {0U, 50'000U}) {
    const BootTime before = since_boot();
    ASSERT_TRUE(send());
    const BootTime after = since_boot();
    (void)::usleep(in_the_queue);
    const Received received = receive();
    ASSERT_TRUE(received.credentials && received.credentials->sent);
    EXPECT_TRUE(received.pidfd);
    // Later by what passes between two clocks being read, and never earlier.
    constexpr std::chrono::microseconds the_clocks_own{1};
    EXPECT_GE(*received.credentials->sent, before - the_clocks_own);
    EXPECT_LE(*received.credentials->sent, after + std::chrono::milliseconds(20));
  }
}

TEST_F(Receive, has_no_living_process_for_a_sender_that_has_ended) {
  for (const int option : {SO_PASSPIDFD, SO_TIMESTAMPNS}) {
    SetUp();
    if (!ask_for({SO_PASSCRED, option})) continue;
    const pid_t sender = ::fork();
    if (sender == 0) ::_exit(send_ourselves() ? 0 : 1);
    int status = -1;
    ASSERT_EQ(::waitpid(sender, &status, 0), sender);
    ASSERT_EQ(status, 0);
    const Received received = receive();
    ASSERT_TRUE(received.credentials);
    EXPECT_EQ(received.credentials->pid, sender);
    EXPECT_FALSE(received.pidfd && is_running(received.pidfd.get())) << option;
  }
}

}  // namespace
}  // namespace secshr
