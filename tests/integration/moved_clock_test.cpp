// The wall clock goes forward or back by a day while the broker runs, as when a machine is woken or its time is
// corrected: what is in the log says so, and nothing that waits does so any longer or shorter.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <string>

#include "secshr_paths.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::int64_t day = 86400;

// The broker, but with a clock of its own.
class BrokerMovedClock : public BrokerTest, public testing::WithParamInterface<std::int64_t> {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    install_built("tests/secshrd_with_moved_clock", paths::broker, 0755);
    write_file("/run/moved-clock", std::string(sizeof(std::int64_t), '\0'));
  }
  static void move_clock_by(std::int64_t seconds) {
    const Descriptor file(::open("/run/moved-clock", O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), &seconds, sizeof seconds, 0), static_cast<ssize_t>(sizeof seconds));
  }
  static std::string date_in(std::int64_t seconds) {
    const std::time_t then = std::time(nullptr) + seconds;
    std::array<char, 16> text{};
    std::tm parts{};
    (void)std::strftime(text.data(), text.size(), "%Y-%m-%d", ::gmtime_r(&then, &parts));
    return text.data();
  }
  // One request, whose line in the log is of that day.
  static void expect_served_on(std::int64_t seconds) {
    const std::string date = date_in(seconds);
    const auto client = connect(third_user);
    const auto record = expect_answer(*client, protocol::Ping{}, served);
    EXPECT_TRUE(record.at("ts").starts_with(date) || record.at("ts").starts_with(date_in(seconds)))
        << record.at("ts");
  }
};

TEST_P(BrokerMovedClock, ends_no_broker_sooner_or_later_than_its_idle_timeout) {
  configure("idle_timeout_s = 2\n");
  const pid_t broker = serve();
  expect_served_on(0);
  ::usleep(300'000);
  move_clock_by(GetParam());
  ::usleep(300'000);
  EXPECT_TRUE(is_running(broker)) << "it took the day for idleness";
  const auto last = steady_clock::now();
  expect_served_on(GetParam());
  ::usleep(300'000);
  move_clock_by(0);
  ::usleep(300'000);
  EXPECT_TRUE(is_running(broker));
  EXPECT_TRUE(eventually([&] { return !is_running(broker); })) << "it waits for a day that has been";
  const auto took = steady_clock::now() - last;
  EXPECT_GE(took, milliseconds(1900));
  EXPECT_LT(took, milliseconds(4500));
  expect_ended("idle");
}

TEST_P(BrokerMovedClock, moves_no_deadline_of_a_request) {
  (void)serve();
  const auto lookers = wait_for_processes().lookers;
  const auto reader = connect(first_user);
  const std::string database = data + "/mumps.dat";
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
  const IpcIds ids = ids_of(make_set(*reader), make_segment(*reader));
  stop(lookers);
  const auto sent = steady_clock::now();
  ASSERT_EQ(reader->send(server_in(), datagram(*reader, FlushHeader{ids, database})), 0);
  ::usleep(500'000);
  move_clock_by(GetParam());
  const auto reply = reader->receive();
  const auto took = steady_clock::now() - sent;
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(static_cast<int>(reply->at(0)), ETIMEDOUT);
  EXPECT_GE(took, milliseconds(3900));
  EXPECT_LT(took, milliseconds(4900)) << "a stock client has given up by then";
  resume(lookers);
  expect_served_on(GetParam());
  // The next one is written in time.
  EXPECT_EQ(answer(*reader, datagram(*reader, FlushHeader{ids, database}, 2)), 0);
  EXPECT_EQ(read_file(database), DatabaseImage{.ids = ids}.text());
}

TEST_P(BrokerMovedClock, keeps_no_start_and_no_takeover_waiting) {
  const pid_t first = serve();
  move_clock_by(GetParam());
  EXPECT_EQ(serve(second_user), first);
  ask_for_renewal();
  const auto began = steady_clock::now();
  const pid_t second = serve(second_user);
  EXPECT_NE(second, first);
  expect_served_on(GetParam());
  move_clock_by(0);
  ask_for_renewal();
  EXPECT_NE(serve(first_user), second);
  EXPECT_LT(steady_clock::now() - began, milliseconds(5000));
  expect_served_on(0);
  EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }));
}

INSTANTIATE_TEST_SUITE_P(ByADay, BrokerMovedClock, testing::Values(day, -day),
                         [](const auto& seconds) { return seconds.param > 0 ? "forward" : "back"; });

}  // namespace
}  // namespace secshr::test
