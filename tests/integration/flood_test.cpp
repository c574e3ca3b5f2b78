// Users that ask for more than anybody can serve: another user's requests are served all the same, and soon.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class BrokerFlood : public BrokerFlush {
 protected:
  void TearDown() override {
    flooders_.clear();
    BrokerFlush::TearDown();
  }
  // A process of that user that sends this all the time, and reads no answer.
  void flood(const Identity& identity, const protocol::Request& request) {
    flooders_.push_back(connect(identity));
    Client& flooder = *flooders_.back();
    const Bytes bytes = datagram(flooder, request);
    std::array<std::byte, 256> copy{};
    ASSERT_LE(bytes.size(), copy.size());
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    flooder.start([socket = flooder.socket(), server = Text(server_in()), copy, size = bytes.size()] {
      const sockaddr_un address = address_of(server.text);
      while (::sendto(socket, copy.data(), size, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) >
             0) {
      }
      return errno;
    });
  }
  static std::ptrdiff_t served_in_all() {
    const std::string log = read_file(log_file);
    return std::ranges::count(log, '\n');
  }
  // The longest that anybody waited. Each must be done.
  template <typename Ask>
  static milliseconds longest(int requests, Ask ask) {
    steady_clock::duration longest{};
    for (int number = 1; number <= requests; ++number) {
      const auto asked = steady_clock::now();
      ask(static_cast<std::uint64_t>(number));
      longest = std::max(longest, steady_clock::now() - asked);
      if (HasFailure()) break;
    }
    return std::chrono::duration_cast<milliseconds>(longest);
  }

  // Far more than it takes (a millisecond or two, most of it in a queue of ten), and far less than the 5 s after
  // which a stock client asks again.
  static constexpr milliseconds bound{2000};
  std::vector<std::unique_ptr<Client>> flooders_;
};

TEST_F(BrokerFlood, four_processes_of_two_users_that_send_all_the_time_keep_a_third_user_waiting_for_a_bounded_time) {
  const auto victim = connect(third_user);
  const int refused_set = make_set(*victim, 0600);
  flood(first_user, protocol::Ping{});
  flood(first_user, protocol::RemoveSemaphoreSet{refused_set});
  flood(second_user, FlushHeader{closed_ids, database});
  flood(second_user, protocol::ContinueProcess{1});
  ASSERT_TRUE(eventually([] { return served_in_all() > 100; })) << "nobody floods";

  const auto before = served_in_all();
  constexpr int requests = 100;
  const auto waited = longest(requests, [&](std::uint64_t number) {
    const int semid = make_set(*victim, 0600);
    EXPECT_EQ(answer(*victim, datagram(*victim, protocol::RemoveSemaphoreSet{semid}, 2 * number)), 0);
    EXPECT_FALSE(set_exists(semid));
    EXPECT_EQ(answer(*victim, datagram(*victim, protocol::Ping{}, 2 * number + 1)), 0);
  });
  EXPECT_LT(waited, bound);
  EXPECT_GT(served_in_all() - before, 4 * requests) << "there was no flood";
  EXPECT_TRUE(set_exists(refused_set));

  // The control: without them nothing else is different.
  flooders_.clear();
  EXPECT_EQ(answer(*victim, datagram(*victim, protocol::RemoveSemaphoreSet{refused_set})), 0);
}

TEST_F(BrokerFlood, four_processes_that_have_databases_flushed_all_the_time_keep_nobody_from_a_flush) {
  for (int number = 0; number < 4; ++number)
    flood(number < 2 ? first_user : second_user, {FlushHeader{closed_ids, database}});
  const std::string own = data + "/own.dat";
  write_file(own, DatabaseImage{}.text(), 0400, u3, g3);
  const auto victim = connect(third_user);
  const IpcIds ids = ids_of(make_set(*victim), make_segment(*victim));
  const auto waited = longest(40, [&](std::uint64_t number) {
    EXPECT_EQ(answer(*victim, datagram(*victim, FlushHeader{ids, own}, 2 * number)), 0);
    EXPECT_EQ(read_file(own), DatabaseImage{.ids = ids}.text());
    EXPECT_EQ(answer(*victim, datagram(*victim, FlushHeader{closed_ids, own}, 2 * number + 1)), 0);
  });
  EXPECT_LT(waited, bound);
  EXPECT_EQ(read_file(database), DatabaseImage{}.text());
}

}  // namespace
}  // namespace secshr::test
