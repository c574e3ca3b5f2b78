// How a broker ends, and what its end leaves.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

bool nothing_runs() {
  return find_broker_processes().all().empty();
}

class BrokerIdle : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    configure("idle_timeout_s = 1\n");
  }
};

TEST_F(BrokerIdle, ends_after_the_idle_timeout_says_so_and_the_next_start_works) {
  const pid_t broker = serve();
  ::usleep(700'000);
  EXPECT_TRUE(is_running(broker)) << "ended too early";
  // A request starts the time anew.
  expect_serving();
  ::usleep(700'000);
  EXPECT_TRUE(is_running(broker)) << "ended too early";
  EXPECT_TRUE(eventually(nothing_runs));
  expect_ended("idle");
  EXPECT_TRUE(exists(server_in()));
  (void)serve();
  expect_serving();
}

TEST_F(BrokerIdle, nothing_that_is_sent_around_the_idle_timeout_is_lost_in_silence) {
  const auto client = connect(first_user);
  for (useconds_t round = 1; round <= 4; ++round) {
    (void)serve();
    ::usleep(997'000 + round * 1000);
    const int error = client->send(server_in(), datagram(*client, protocol::Ping{}, round));
    EXPECT_TRUE(error == 0 || error == ECONNREFUSED) << error;
    const bool is_answered = error == 0 && client->receive(milliseconds(2000)).has_value();
    EXPECT_TRUE(error != 0 || is_answered) << "round " << round;
  }
}

class BrokerEnd : public BrokerFlush {};

TEST_F(BrokerEnd, sigterm_ends_it_in_order_and_the_socket_file_stays_roots) {
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  EXPECT_TRUE(eventually(nothing_runs));
  expect_ended("terminated");
  struct stat status{};
  ASSERT_EQ(::lstat(server_in().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_uid, 0U);
  // Nobody but root can have the name now.
  EXPECT_EQ(as_user(second_user, [] { return ::unlink(server_in().c_str()) == 0 ? 0 : errno; }), exited(EPERM));
  EXPECT_EQ(other_->send(server_in(), datagram(*other_, protocol::Ping{})), ECONNREFUSED);
  (void)serve();
  expect_serving();
}

TEST_F(BrokerEnd, sigterm_while_a_request_waits_is_obeyed_when_that_is_answered) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  const auto lookers = wait_for_processes().lookers;
  stop(lookers);
  ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{ids, database})), 0);
  ::usleep(50'000);
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  ::usleep(200'000);
  EXPECT_TRUE(is_running(broker_)) << "it has left a request behind";
  resume(lookers);
  const auto reply = reader_->receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(static_cast<int>(reply->at(0)), 0);
  EXPECT_EQ(read_file(database), DatabaseImage{.ids = ids}.text());
  EXPECT_TRUE(eventually(nothing_runs));
  expect_ended("terminated");
}

TEST_F(BrokerEnd, what_is_queued_when_sigterm_comes_is_answered) {
  stop({broker_});
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, protocol::Ping{}, sequence)), 0);
  }
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  resume({broker_});
  for (int index = 0; index < 5; ++index) EXPECT_TRUE(reader_->receive(milliseconds(2000)).has_value()) << index;
  EXPECT_TRUE(eventually(nothing_runs));
}

TEST_F(BrokerEnd, what_is_queued_when_sigterm_comes_is_answered_whatever_lies_between) {
  stop({broker_});
  Bytes too_long = datagram(*other_, protocol::Ping{}, 2);
  too_long.resize(60'000);
  ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, protocol::Ping{}, 1)), 0);
  ASSERT_EQ(other_->send(server_in(), Bytes()), 0);
  ASSERT_EQ(other_->send(server_in(), too_long), 0);
  ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{protocol::closed_ids, database}, 3)), 0);
  ASSERT_EQ(other_->send(server_in(), datagram(*other_, protocol::Ping{}, 4)), 0);
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  resume({broker_});
  for (Client* const client : {reader_.get(), other_.get()}) {
    for (int reply = 0; reply < 2; ++reply) EXPECT_TRUE(client->receive(milliseconds(2000)).has_value()) << reply;
    EXPECT_FALSE(client->receive(milliseconds(100)).has_value()) << "answered twice";
  }
  EXPECT_TRUE(eventually(nothing_runs));
  // Each is in the log once, but for the empty one, which may have been passed over.
  const auto found = records();
  EXPECT_GE(found.size(), 4U);
  EXPECT_LE(found.size(), 5U);
}

TEST_F(BrokerEnd, what_is_sent_while_it_waits_to_end_is_not_lost_in_silence) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  const auto lookers = wait_for_processes().lookers;
  stop(lookers);
  ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{ids, database})), 0);
  ::usleep(50'000);
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  ::usleep(50'000);
  const int error = other_->send(server_in(), datagram(*other_, protocol::Ping{}));
  ::usleep(50'000);
  resume(lookers);
  EXPECT_TRUE(reader_->receive().has_value());
  EXPECT_TRUE(error == 0 || error == ECONNREFUSED) << error;
  if (error == 0) {
    EXPECT_TRUE(other_->receive(milliseconds(2000)).has_value()) << "neither answered nor refused";
  }
}

TEST_F(BrokerEnd, a_flood_does_not_keep_it_from_ending) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int index = 0; index < 3; ++index) {
    clients.push_back(connect(index % 2 == 0 ? first_user : second_user));
    const Bytes ping = datagram(*clients.back(), protocol::Ping{});
    ASSERT_EQ(clients.back()->send(server_in(), ping), 0);
    clients.back()->start([socket = clients.back()->socket(), server = Text(server_in()),
                           pid = clients.back()->pid()] {
      const sockaddr_un address = address_of(server.text);
      unsigned char bytes[24] = {0, 1, 0, 0, 0xab, 0x36, 0x45, 0xb5};
      std::memcpy(bytes + 12, &pid, 4);
      while (::sendto(socket, bytes, sizeof bytes, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) >
             0) {
      }
      return errno;
    });
  }
  ::usleep(100'000);
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  EXPECT_TRUE(eventually(nothing_runs)) << "still there after eight seconds";
}

std::size_t count_of(const std::vector<LogRecord>& events, const std::string& name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(events, [&](const LogRecord& event) { return event.at("event") == name; }));
}

// Of this network namespace, which is the tests' own. It holds for sockets that are made from now on, and as long as
// this lives: other tests may come in the same world.
class QueueLength {
 public:
  explicit QueueLength(const std::string& length) : former_(read_file(file)) {
    std::ofstream(file) << length << "\n";
  }
  QueueLength(const QueueLength&) = delete;
  QueueLength& operator=(const QueueLength&) = delete;
  ~QueueLength() { std::ofstream(file) << former_; }

 private:
  static constexpr const char* file = "/proc/sys/net/unix/max_dgram_qlen";
  std::string former_;
};

TEST_F(BrokerEnd, says_where_a_queue_was_too_long_to_be_closed_without_loss) {
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  EXPECT_TRUE(eventually(nothing_runs));
  EXPECT_EQ(count_of(events(), "queue-not-sealed"), 0U);
  const QueueLength too_long("2000");
  const pid_t broker = serve();
  expect_serving();
  ASSERT_EQ(::kill(broker, SIGTERM), 0);
  EXPECT_TRUE(eventually(nothing_runs));
  EXPECT_EQ(count_of(events(), "queue-not-sealed"), 1U);
}

TEST_F(BrokerEnd, a_killed_broker_leaves_nothing_that_hinders_the_next) {
  for (int round = 0; round < 10; ++round) {
    const auto holder = lock_holder();
    ASSERT_TRUE(holder.has_value());
    ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, protocol::Ping{})), 0);
    ASSERT_EQ(::kill(*holder, SIGKILL), 0);
    EXPECT_EQ(start().ending, exited(0));
    while (reader_->receive(milliseconds(0)).has_value()) continue;
    expect_serving();
  }
}

TEST_F(BrokerEnd, a_lost_socket_name_comes_back_and_there_are_never_two_brokers) {
  fs::remove(server_in());
  EXPECT_EQ(other_->send(server_in(), datagram(*other_, protocol::Ping{})), ENOENT);
  // A client now has it started, and again.
  bool served_again = false;
  for (int attempt = 0; attempt < 4 && !served_again; ++attempt) {
    served_again = start().ending == exited(0);
    EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() <= 1; }));
  }
  ASSERT_TRUE(served_again);
  expect_serving();
}

TEST_F(BrokerEnd, a_deleted_lock_file_never_leaves_two_brokers_behind) {
  // Only root can; a broker that no longer has the server's name then has to leave.
  fs::remove(lock_file);
  EXPECT_EQ(start().ending, exited(0));
  EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
  expect_serving();
}

}  // namespace
}  // namespace secshr::test
