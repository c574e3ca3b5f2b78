// The counters page of the real broker: whose it is, that it counts each request once, and who may write to it.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "counters/read_counters.h"
#include "installation/configuration.h"
#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

const std::string page = "/run/secshr/test/counters";

using BrokerCounters = BrokerRemoval;

TEST_F(BrokerCounters, say_whose_they_are) {
  const auto counters = read_counters(page);
  ASSERT_TRUE(counters.has_value()) << counters.error();
  EXPECT_EQ(counters->broker_pid, static_cast<std::uint64_t>(broker_));
  EXPECT_NEAR(static_cast<double>(counters->started), static_cast<double>(std::time(nullptr)), 60);
  EXPECT_EQ(counters->configuration_hash, load_configuration(paths::configuration)->hash);
  struct stat facts{};
  ASSERT_EQ(::lstat(page.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode, S_IFREG | 0644U);
  EXPECT_EQ(facts.st_uid, 0U);
  EXPECT_EQ(as_user(first_user, [] { return read_counters(page) ? 0 : 1; }), exited(0));
  EXPECT_EQ(as_user(first_user, [] { return ::truncate(page.c_str(), 0) == 0 ? 0 : errno; }), exited(EACCES));
}

TEST_F(BrokerCounters, count_each_request_once) {
  Counters expected = *read_counters(page);
  EXPECT_EQ(expected.datagrams, 0U);
  const auto ask = [&](const protocol::Request& request, int code) {
    EXPECT_EQ(answer(*asker_, datagram(*asker_, request)), code);
    ++expected.datagrams;
  };
  ask(protocol::Ping{}, 0);
  ++expected.requests[6].done;
  ask(protocol::RemoveSemaphoreSet{make_set(*maker_)}, 0);
  ++expected.requests[1].done;
  ask(protocol::RemoveSemaphoreSet{make_set(*maker_, 0600)}, EPERM);
  ++expected.requests[1].refused;
  ++expected.refused_by_rule[3];
  ask(protocol::RemoveSegment{-1}, EINVAL);
  ++expected.requests[2].refused;
  ++expected.refused_otherwise;
  EXPECT_EQ(answer(*asker_, header(77, release_key, asker_->pid())), 0x8000);
  ++expected.datagrams;
  ++expected.requests[7].refused;
  ++expected.refused_otherwise;
  (void)expect_dropped(*asker_, Bytes(3), "-");  // and one ping, which shows it
  expected.datagrams += 2;
  ++expected.dropped;
  ++expected.requests[6].done;
  (void)eventually([&] { return read_counters(page)->datagrams == expected.datagrams; });
  auto shown = *read_counters(page);
  EXPECT_EQ(shown.parked, 0U);
  EXPECT_GT(shown.parked_most, 0U);
  shown.parked_most = 0;
  EXPECT_EQ(shown, expected);
}

TEST_F(BrokerCounters, begin_anew_with_the_next_broker) {
  EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::Ping{})), 0);
  end();
  const auto left = read_counters(page);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->broker_pid, static_cast<std::uint64_t>(broker_));
  const pid_t next = serve();
  const auto counters = read_counters(page);
  ASSERT_TRUE(counters.has_value());
  EXPECT_EQ(counters->broker_pid, static_cast<std::uint64_t>(next));
  EXPECT_LE(counters->datagrams, 1U);
}

}  // namespace
}  // namespace secshr::test
