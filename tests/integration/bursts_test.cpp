// Many processes of one user ask at the same moment, for what they may have: all are served, and others are not kept
// waiting. Also beside files that never answer.
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "secshr/limits.h"
#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class BrokerBurst : public BrokerRemoval {
 protected:
  void TearDown() override {
    burst_.clear();
    BrokerRemoval::TearDown();
  }
  // A process of that user that waits until there is room in the server's queue.
  void ask(const Identity& identity, const protocol::Request& request) {
    burst_.push_back(connect(identity));
    Client& client = *burst_.back();
    const Bytes bytes = datagram(client, request);
    std::array<std::byte, 256> copy{};
    ASSERT_LE(bytes.size(), copy.size());
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    client.start([socket = client.socket(), server = Text(server_in()), copy, size = bytes.size()] {
      const sockaddr_un address = address_of(server.text);
      const auto* const to = reinterpret_cast<const sockaddr*>(&address);
      return ::sendto(socket, copy.data(), size, 0, to, sizeof address) > 0 ? 0 : errno;
    });
  }
  // What a client is told.
  static int code_of(Client& client) {
    const auto received = client.receive();
    if (!received || received->size() < sizeof(int)) return -1;
    int code = -1;
    std::memcpy(&code, received->data(), sizeof code);
    return code;
  }
  // What a stock client is told in well under its 5 s.
  static constexpr milliseconds bound{2000};
  std::vector<std::unique_ptr<Client>> burst_;
};

class BrokerBurstOf : public BrokerBurst, public testing::WithParamInterface<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(processes, BrokerBurstOf,
                         testing::Values(150, limits::parked_exchanges - 1, limits::parked_exchanges + 1, 300),
                         testing::PrintToStringParamName());

TEST_P(BrokerBurstOf, of_one_user_that_ask_at_once_are_all_served_and_another_user_soon) {
  std::vector<int> segments;
  segments.reserve(GetParam());
  for (std::size_t count = 0; count < GetParam(); ++count) segments.push_back(make_segment(*maker_, 0666));
  const int of_another = make_segment(*maker_, 0666);
  const auto another = connect(third_user);

  stop({broker_});
  for (const int shmid : segments) ask(first_user, protocol::RemoveSegment{shmid});
  ASSERT_TRUE(eventually([&] {  // those for whom there is no room wait in sendto
    return std::ranges::all_of(burst_,
                               [](const auto& each) { return status_of(each->pid()).at("State").starts_with('S'); });
  }));
  const auto asked = steady_clock::now();
  resume({broker_});
  EXPECT_EQ(answer(*another, datagram(*another, protocol::RemoveSegment{of_another})), 0);
  EXPECT_LT(steady_clock::now() - asked, bound);

  for (const auto& each : burst_) EXPECT_EQ(code_of(*each), 0) << each->pid();
  EXPECT_LT(steady_clock::now() - asked, bound);
  for (const int shmid : segments) EXPECT_FALSE(segment_exists(shmid));
  EXPECT_FALSE(segment_exists(of_another));
}

TEST_P(BrokerBurstOf, that_are_refused_are_told_the_rule_and_not_that_there_were_too_many) {
  const int shmid = make_segment(*maker_, 0600);
  for (std::size_t count = 0; count < GetParam(); ++count) ask(first_user, protocol::RemoveSegment{shmid});
  for (const auto& each : burst_) EXPECT_EQ(code_of(*each), EPERM) << each->pid();
  EXPECT_TRUE(segment_exists(shmid));
}

// --- Beside files that do not answer ---

// An automount point whose daemon never does anything: whoever looks a name up in it waits.
class HungDirectory {
 public:
  explicit HungDirectory(std::string path) : path_(std::move(path)) {
    make_directory(path_);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_DIRECT) != 0) return;
    requests_.reset(ends[0]);
    const Descriptor writing(ends[1]);
    const std::string options = "fd=" + std::to_string(writing.get()) + ",minproto=5,maxproto=5,indirect";
    mounted_ = ::mount("secshr-tests", path_.c_str(), "autofs", 0, options.c_str()) == 0;
  }
  HungDirectory(const HungDirectory&) = delete;
  HungDirectory& operator=(const HungDirectory&) = delete;
  ~HungDirectory() {
    requests_.reset();  // ends all waiting
    if (mounted_) (void)::umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool is_there() const { return mounted_; }
  [[nodiscard]] bool is_waited_for() const {
    pollfd entry{requests_.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  }

 private:
  std::string path_;
  Descriptor requests_;
  bool mounted_ = false;
};

TEST_F(BrokerBurst, of_files_that_hang_of_as_many_users_as_there_are_lookers_keep_nobody_from_a_removal) {
  const std::string place = "/mnt/test/hung";
  const HungDirectory hung(place);
  if (!hung.is_there()) SECSHR_SKIP("no autofs");
  for (uid_t uid = 71500; uid < 71500 + limits::looker_workers; ++uid) {
    for (std::size_t count = 0; count < limits::looks_per_uid; ++count) {
      ask({uid, g1, {}}, protocol::FlushHeader{protocol::closed_ids, place + "/x/mumps.dat"});
    }
  }
  ASSERT_TRUE(eventually([&] { return hung.is_waited_for(); }));
  const auto asked = steady_clock::now();
  for (std::uint64_t round = 1; round <= 10; ++round) {
    const int shmid = make_segment(*maker_, 0666);
    EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveSegment{shmid}, round)), 0);
  }
  EXPECT_LT(steady_clock::now() - asked, bound);
  // They do hang: they are told so, and late.
  for (const auto& each : burst_) EXPECT_EQ(code_of(*each), ETIMEDOUT);
  EXPECT_GE(steady_clock::now() - asked, limits::request_deadline / 2);
}

// One user's own files that hang are in nobody's way either, not even of what else that user asks.
TEST_F(BrokerBurst, of_files_that_hang_of_one_user_do_not_keep_it_from_its_own_removals) {
  const std::string place = "/mnt/test/hung";
  const HungDirectory hung(place);
  if (!hung.is_there()) SECSHR_SKIP("no autofs");
  // One after the other, each sent before the next, so that one more comes after all of them.
  const std::string file = place + "/x/mumps.dat";
  const protocol::FlushHeader flush{protocol::closed_ids, file};
  for (std::size_t count = 0; count < limits::parked_files_per_uid; ++count) {
    burst_.push_back(connect(first_user));
    ASSERT_EQ(burst_.back()->send(server_in(), datagram(*burst_.back(), flush)), 0);
  }
  ASSERT_TRUE(eventually([&] { return hung.is_waited_for(); }));
  const auto asked = steady_clock::now();
  const int shmid = make_segment(*maker_, 0666);
  EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveSegment{shmid})), 0);
  EXPECT_LT(steady_clock::now() - asked, bound);
  // One more file is too many.
  EXPECT_EQ(answer(*asker_, datagram(*asker_, flush, 2)), EBUSY);
  EXPECT_EQ(records().back().at("rule"), "rate.uid");
}

}  // namespace
}  // namespace secshr::test
