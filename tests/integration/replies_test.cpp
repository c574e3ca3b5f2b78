// Replies reach the client's own socket or nobody, and nobody's unread replies are in the way of another's.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "secshr/limits.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"
#include "tests/integration/race.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class BrokerReplies : public BrokerFlush {
 protected:
  // Anybody may write to the other's socket: that its mode keeps replies out is not what is tested.
  void SetUp() override {
    BrokerFlush::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(::chmod((tmp + "/" + other_->socket_name()).c_str(), 0777), 0);
  }
  // The reader asks while its name is something else; nothing may reach `witness`.
  void expect_no_reply_to(Client& witness) {
    const std::size_t before = records().size();
    ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, protocol::Ping{})), 0);
    expect_serving();
    EXPECT_EQ(records().size(), before + 2);
    EXPECT_FALSE(witness.receive(std::chrono::milliseconds(0)).has_value());
    EXPECT_FALSE(reader_->receive(std::chrono::milliseconds(0)).has_value());
  }
  std::string name_of_reader() { return tmp + "/" + reader_->socket_name(); }
};

TEST_F(BrokerReplies, a_name_replaced_by_a_symbolic_link_to_anothers_socket_gets_nothing) {
  const std::string others = tmp + "/" + other_->socket_name();
  fs::remove(name_of_reader());
  fs::create_symlink(others, name_of_reader());
  ASSERT_EQ(::lchown(name_of_reader().c_str(), u1, g1), 0);
  expect_no_reply_to(*other_);
  // Not even by a link to a socket of its own.
  Client second(first_user);
  ASSERT_EQ(second.bind(tmp + "/second"), 0);
  ASSERT_EQ(::chmod((tmp + "/second").c_str(), 0777), 0);
  fs::remove(name_of_reader());
  fs::create_symlink(tmp + "/second", name_of_reader());
  ASSERT_EQ(::lchown(name_of_reader().c_str(), u1, g1), 0);
  expect_no_reply_to(second);
}

TEST_F(BrokerReplies, a_name_replaced_by_another_users_socket_gets_nothing) {
  fs::rename(tmp + "/" + other_->socket_name(), name_of_reader());
  expect_no_reply_to(*other_);
}

TEST_F(BrokerReplies, a_name_replaced_by_the_servers_own_socket_gets_nothing) {
  fs::remove(name_of_reader());
  ASSERT_EQ(::link(server_in().c_str(), name_of_reader().c_str()), 0);
  expect_no_reply_to(*other_);
}

TEST_F(BrokerReplies, a_name_replaced_by_a_file_a_fifo_or_a_directory_gets_nothing_and_stays_as_it_is) {
  write_file(name_of_reader(), "a file\n", 0666, u1, g1);
  expect_no_reply_to(*other_);
  EXPECT_EQ(read_file(name_of_reader()), "a file\n");
  fs::remove(name_of_reader());
  ASSERT_EQ(::mkfifo(name_of_reader().c_str(), 0666), 0);
  ASSERT_EQ(::chown(name_of_reader().c_str(), u1, g1), 0);
  expect_no_reply_to(*other_);
  fs::remove(name_of_reader());
  make_directory(name_of_reader(), 0777, u1, g1);
  expect_no_reply_to(*other_);
  EXPECT_TRUE(fs::is_directory(name_of_reader()));
}

TEST_F(BrokerReplies, a_name_that_is_a_stream_socket_or_connected_elsewhere_or_gone_gets_nothing) {
  fs::remove(name_of_reader());
  expect_no_reply_to(*other_);
  ASSERT_EQ(reader_->run([path = Text(name_of_reader())] {
    const int stream = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path.text);
    return ::bind(stream, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                   ::listen(stream, 1) == 0
               ? 0
               : errno;
  }),
            0);
  expect_no_reply_to(*other_);
  Client connected(first_user);
  ASSERT_EQ(connected.bind(tmp + "/" + connected.socket_name()), 0);
  ASSERT_EQ(connected.connect(tmp + "/" + other_->socket_name()), 0);
  ASSERT_EQ(connected.send(server_in(), datagram(connected, protocol::Ping{})), 0);
  expect_serving();
  EXPECT_FALSE(connected.receive(std::chrono::milliseconds(0)).has_value());
}

TEST_F(BrokerReplies, a_socket_whose_mode_lets_only_its_owner_write_gets_its_reply) {
  for (const mode_t mode : {0755U, 0700U, 0200U, 0777U}) {
    ASSERT_EQ(::chmod(name_of_reader().c_str(), mode), 0);
    EXPECT_EQ(answer(*reader_, datagram(*reader_, protocol::Ping{})), 0) << std::oct << mode;
  }
  // Which is nobody's right but its owner's.
  ASSERT_EQ(::chmod(name_of_reader().c_str(), 0000), 0);
  expect_no_reply_to(*other_);
}

// The client's own name is exchanged all the time with something else; nothing but its own socket gets a reply.
class BrokerReplyRace : public BrokerReplies {
 protected:
  void race_with(const std::string& path) {
    int reached = 0;
    int asked = 0;
    {
      const ExchangeLoop exchange({0, 0, {}}, name_of_reader(), path);
      for (Race race(1000); race.next();) {
        const Bytes ping = datagram(*reader_, protocol::Ping{}, static_cast<std::uint64_t>(race.round()));
        ASSERT_EQ(reader_->send(server_in(), ping), 0);
        asked = race.round();
        while (reader_->receive(std::chrono::milliseconds(0)).has_value()) ++reached;
      }
    }
    expect_serving();
    while (reader_->receive(std::chrono::milliseconds(0)).has_value()) ++reached;
    EXPECT_GT(reached, 0);
    EXPECT_LT(reached, asked) << "the exchange was never met";
    EXPECT_FALSE(other_->receive(std::chrono::milliseconds(0)).has_value()) << "another user got a reply";
  }
};

TEST_F(BrokerReplyRace, with_another_users_socket_that_gets_nothing) {
  race_with(tmp + "/" + other_->socket_name());
}

TEST_F(BrokerReplyRace, with_a_symbolic_link_to_another_users_socket_that_gets_nothing) {
  const std::string link = tmp + "/link";
  // Root's own, as the directory is: such a link is followed whatever protected_symlinks says.
  fs::create_symlink(tmp + "/" + other_->socket_name(), link);
  race_with(link);
}

TEST_F(BrokerReplyRace, with_a_file_of_roots_that_stays_as_it_is) {
  const std::string file = tmp + "/file";
  write_file(file, "precious\n", 0666);
  race_with(file);
  const std::string now = fs::is_regular_file(file) ? file : name_of_reader();
  EXPECT_EQ(read_file(now), "precious\n");
}

TEST_F(BrokerReplies, that_would_reach_nobody_are_never_earned_and_those_that_do_not_fit_are_counted) {
  // A name that is gone, one that a stream socket has, one that is connected elsewhere, one that was closed.
  fs::remove(name_of_reader());
  expect_no_reply_to(*other_);
  ASSERT_EQ(reader_->run([path = Text(name_of_reader())] {
    const int stream = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path.text);
    return ::bind(stream, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  }),
            0);
  expect_no_reply_to(*other_);
  Client connected(first_user);
  ASSERT_EQ(connected.bind(tmp + "/" + connected.socket_name()), 0);
  ASSERT_EQ(connected.connect(tmp + "/" + other_->socket_name()), 0);
  ASSERT_EQ(connected.send(server_in(), datagram(connected, protocol::Ping{})), 0);
  expect_serving();
  stop({broker_});
  Client closing(third_user);
  ASSERT_EQ(
      closing.run([path = Text(tmp + "/" + closing.socket_name()), server = Text(server_in()), pid = closing.pid()] {
        const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const sockaddr_un own = address_of(path.text);
        const sockaddr_un address = address_of(server.text);
        unsigned char ping[24] = {0, 1, 0, 0, 0xab, 0x36, 0x45, 0xb5};
        std::memcpy(ping + 12, &pid, 4);
        const bool sent = ::bind(socket, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0 &&
                          ::sendto(socket, ping, sizeof ping, 0, reinterpret_cast<const sockaddr*>(&address),
                                   sizeof address) == sizeof ping;
        return sent && ::close(socket) == 0 ? 0 : errno;
      }),
      0);
  resume({broker_});
  expect_serving();
  EXPECT_TRUE(is_running(broker_));
  const auto found = records();
  EXPECT_EQ(std::ranges::count_if(found, [](const LogRecord& record) { return record.at("verdict") == "dropped"; }),
            4);
  // One whose queue is full was served, and is told nothing. Those of the client that reads are not among them.
  Client silent(third_user);
  ASSERT_EQ(silent.bind(tmp + "/" + silent.socket_name()), 0);
  constexpr int more_than_fit = 700;
  for (int count = 0; count < more_than_fit; ++count) {
    ASSERT_EQ(silent.send(server_in(), datagram(silent, protocol::Ping{})), 0);
  }
  EXPECT_EQ(answer(*other_, datagram(*other_, protocol::Ping{})), 0);
  int read = 0;
  while (silent.receive(std::chrono::milliseconds(0)).has_value()) ++read;
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  ASSERT_TRUE(eventually([&] { return !is_running(broker_); }));
  expect_ended("terminated");
  // How many lines are lost of such a lot depends on the disk.
  const std::string detail = events().back().at("detail");
  EXPECT_TRUE(
      detail.starts_with("terminated unsent-replies " + std::to_string(more_than_fit - read) + " lost-lines "))
      << detail;
  EXPECT_LT(read, more_than_fit);
}

TEST_F(BrokerReplies, a_client_that_never_reads_keeps_nobody_else_waiting) {
  for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence) {
    ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, protocol::Ping{}, sequence)), 0);
  }
  const auto started = std::chrono::steady_clock::now();
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    ASSERT_EQ(answer(*other_, datagram(*other_, protocol::Ping{}, sequence)), 0);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(2));
  int queued = 0;
  while (reader_->receive(std::chrono::milliseconds(0)).has_value()) ++queued;
  EXPECT_GT(queued, 0);
  EXPECT_LT(queued, 1000) << "its queue never was full: the test shows nothing";
  // And when it reads again, it is answered again.
  EXPECT_EQ(answer(*reader_, datagram(*reader_, protocol::Ping{}, 2000)), 0);
}

// --- Replies that nobody reads ---

class BrokerHoarders : public BrokerReplies {
 protected:
  void TearDown() override {
    hoarders_.clear();
    BrokerReplies::TearDown();
  }
  // A process with a socket under each of its 27 names, each asking for more replies than any queue takes, and
  // reading none.
  void hoard(uid_t uid) {
    hoarders_.push_back(std::make_unique<Client>(Identity{uid, uid, {}}));
    Client& hoarder = *hoarders_.back();
    const int bound = hoarder.run([directory = Text(tmp), pid = hoarder.pid(), server = Text(server_in())] {
      int count = 0;
      for (int index = 0; index < 27; ++index) {
        const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        std::array<char, 128> path{};
        const char suffix[2] = {index == 0 ? '\0' : static_cast<char>('a' + index - 1), '\0'};
        (void)std::snprintf(path.data(), path.size(), "%.80s/gtm_secshr%08X%s", directory.text,
                            static_cast<unsigned>(pid), suffix);
        const sockaddr_un own = address_of(path.data());
        if (::bind(socket, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) return -errno;
        const sockaddr_un server_address = address_of(server.text);
        // A ping, more often than the queue takes replies.
        unsigned char ping[24] = {0, 1, 0, 0, 0xab, 0x36, 0x45, 0xb5};
        std::memcpy(ping + 12, &pid, 4);
        for (int time = 0; time < 12; ++time) {
          if (::sendto(socket, ping, sizeof ping, 0, reinterpret_cast<const sockaddr*>(&server_address),
                       sizeof server_address) < 0) {
            return -errno;
          }
        }
        ++count;
      }
      return count;
    });
    ASSERT_EQ(bound, 27);
  }
  void expect_others_are_answered() {
    const auto started = std::chrono::steady_clock::now();
    for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
      ASSERT_EQ(answer(*other_, datagram(*other_, protocol::Ping{}, sequence)), 0);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(1));
  }
  // So many that their unread replies are more than one uid's share of the sockets that replies leave through takes.
  static constexpr int processes = 4;

  std::vector<std::unique_ptr<Client>> hoarders_;
};

TEST_F(BrokerHoarders, sockets_of_one_process_under_all_names_that_never_read_keep_nobody_else_waiting) {
  hoard(u1);
  expect_others_are_answered();
}

TEST_F(BrokerHoarders, all_that_one_user_can_leave_unread_keeps_nobody_else_waiting) {
  for (int process = 0; process < processes; ++process) hoard(u1);
  expect_others_are_answered();
  // Who reads again, or ends, is answered again.
  hoarders_.clear();
  EXPECT_EQ(answer(*reader_, datagram(*reader_, protocol::Ping{})), 0);
}

TEST_F(BrokerHoarders, all_that_eight_users_can_leave_unread_keeps_nobody_else_waiting) {
  for (uid_t uid = 81001; uid <= 81008; ++uid) {
    for (int process = 0; process < processes; ++process) hoard(uid);
  }
  expect_others_are_answered();
  const auto newcomer = connect({82001, 82001, {}});
  EXPECT_EQ(answer(*newcomer, datagram(*newcomer, protocol::Ping{})), 0);
}

// With so many uids (a user may have more than one: subordinate ids), no socket is left without unread replies.
TEST_F(BrokerHoarders, more_users_than_there_are_shares_keep_nobody_else_waiting) {
  constexpr uid_t shares = limits::reply_sockets / limits::reply_sockets_per_uid;
  for (uid_t uid = 81001; uid <= 81001 + shares; ++uid) {
    for (int process = 0; process < processes; ++process) hoard(uid);
  }
  expect_others_are_answered();
}

TEST_F(BrokerHoarders, unread_replies_and_thousands_of_requests_leave_no_descriptor_behind) {
  const auto count = [&] { return descriptors_of(broker_).size(); };
  expect_serving();
  ::usleep(50'000);
  const std::size_t before = count();
  hoard(u1);
  hoard(u3);
  for (std::uint64_t sequence = 1; sequence <= 3000; ++sequence) {
    ASSERT_EQ(answer(*other_, datagram(*other_, protocol::Ping{}, sequence)), 0);
  }
  EXPECT_TRUE(eventually([&] { return count() == before; })) << count() << " instead of " << before;
  hoarders_.clear();
  expect_serving();
  EXPECT_TRUE(eventually([&] { return count() == before; })) << count() << " instead of " << before;
}

TEST_F(BrokerReplies, a_served_directory_that_is_replaced_while_the_broker_runs_is_still_the_old_one) {
  const std::string moved = "/mnt/test/moved";
  const std::string server = server_in();
  fs::rename(tmp, moved);
  make_directory(tmp, 01777);
  Client in_new(second_user);
  ASSERT_EQ(in_new.bind(tmp + "/" + in_new.socket_name()), 0);
  EXPECT_EQ(in_new.send(server, datagram(in_new, protocol::Ping{})), ENOENT);
  // Nothing is made or answered in the new one, also when it is asked through the old name.
  EXPECT_EQ(in_new.send(server_in(moved), datagram(in_new, protocol::Ping{})), 0);
  EXPECT_FALSE(in_new.receive(silence).has_value());
  expect_serving(moved);
}

}  // namespace
}  // namespace secshr::test
