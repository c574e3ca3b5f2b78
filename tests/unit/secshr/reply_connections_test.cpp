// Connections to clients on real sockets of several users: a reply reaches the socket that was verified, and what a
// name stands for is seen each time.
#include "secshr/reply_connections.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "secshr/privilege/act_as.h"
#include "secshr/privilege/least_privilege.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr uid_t asking_user = 71001;
constexpr uid_t another_user = 71002;
constexpr uid_t pretended_broker_uid = 71900;
constexpr std::array<std::byte, 24> answer_bytes{std::byte{7}};
const std::string served_place = "/mnt/test/connections";

sockaddr_un address_at(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(served_place + "/" + name, static_cast<char*>(address.sun_path));
  return address;
}

// Bound to a name in the directory, in place of what had it.
class BoundClient {
 public:
  BoundClient(uid_t uid, std::string name)
      : name_(std::move(name)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    fs::remove(served_place + "/" + name_);
    const sockaddr_un address = address_at(name_);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    // So that nobody has to act as its owner, which costs a test its capabilities.
    EXPECT_EQ(::chmod((served_place + "/" + name_).c_str(), 0777), 0);
    EXPECT_EQ(::lchown((served_place + "/" + name_).c_str(), uid, uid), 0);
  }
  void close() { socket_.reset(); }
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  [[nodiscard]] std::size_t read_all() const {
    std::size_t count = 0;
    std::array<std::byte, 64> buffer{};
    while (::recv(socket_.get(), buffer.data(), buffer.size(), 0) == ssize_t{answer_bytes.size()}) ++count;
    return count;
  }

 private:
  std::string name_;
  Descriptor socket_;
};

class ReplyConnection : public PrivateWorldTest {
 protected:
  static constexpr int unknown = -1;  // somebody else must find out

  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_directory(served_place, 01777);
    directory_.reset(::open(served_place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    before_ = descriptors();
    auto made = ReplyConnections::make();
    ASSERT_TRUE(made.has_value());
    connections_.emplace(*std::move(made));
  }

  // 0, an errno or unknown.
  int reach(uid_t uid, const char* name) {
    const auto reached = connections_->reach(directory_.get(), name, {1, uid, uid}, now_);
    if (!reached) return unknown;
    return *reached ? 0 : reached->error();
  }
  int send(uid_t uid, const char* name) {
    const auto sent = connections_->send(directory_.get(), name, {1, uid, uid}, answer_bytes, now_);
    if (!sent) return unknown;
    return *sent ? 0 : sent->error();
  }
  void expect_served(uid_t uid, const BoundClient& client) {
    EXPECT_EQ(reach(uid, client.name()), 0);
    EXPECT_EQ(send(uid, client.name()), 0);
    EXPECT_EQ(client.read_all(), 1U);
  }
  // The second time, after something has happened.
  template <typename Happen>
  auto reach_as_broker(const BoundClient& client, Happen happen) {
    return run_forked([&] {
      if (drop_privileges({"test", pretended_broker_uid, broker_capabilities}) != nullptr) return 254;
      if (reach(asking_user, client.name()) != 0) return 255;
      {
        const FileIdentity owner(asking_user, asking_user);
        happen();
      }
      return reach(asking_user, client.name());
    });
  }
  void pass(milliseconds time) { now_ += time; }

  static std::vector<int> descriptors() {
    std::vector<int> all;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code error;
      if (fs::read_symlink(entry, error).string().starts_with("socket:"))
        all.push_back(std::stoi(entry.path().filename()));
    }
    std::ranges::sort(all);
    return all;
  }
  // Of the sockets that were made for connections, those that have one.
  std::size_t connected() {
    return static_cast<std::size_t>(std::ranges::count_if(descriptors(), [&](int socket) {
      sockaddr_un peer{};
      socklen_t size = sizeof peer;
      return !std::ranges::binary_search(before_, socket) &&
             ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
    }));
  }

  Descriptor directory_;
  std::vector<int> before_;
  std::optional<ReplyConnections> connections_;
  MonotonicTime now_{std::chrono::seconds(1000)};
};

TEST_F(ReplyConnection, is_made_once_for_a_client_that_asks_again) {
  const BoundClient client(asking_user, "client");
  for (int round = 0; round < 100; ++round) {
    expect_served(asking_user, client);
    EXPECT_EQ(connected(), 1U);
    pass(milliseconds(1));
  }
  // And made again for one that has not asked for a while.
  pass(limits::client_known_for);
  EXPECT_EQ(send(asking_user, client.name()), unknown);
  expect_served(asking_user, client);
  EXPECT_EQ(connected(), 1U);
}

TEST_F(ReplyConnection, is_made_with_nobody_elses_socket) {
  const BoundClient client(asking_user, "client");
  EXPECT_EQ(reach(another_user, client.name()), EPERM);
  EXPECT_EQ(send(another_user, client.name()), unknown);
  expect_served(asking_user, client);
  EXPECT_EQ(reach(another_user, client.name()), EPERM);
  EXPECT_EQ(client.read_all(), 0U);
}

// Within the moment in which nobody is connected to again, too.
TEST_F(ReplyConnection, does_not_outlive_what_its_name_stood_for) {
  const BoundClient first(asking_user, "client");
  expect_served(asking_user, first);
  {
    const BoundClient others(another_user, "client");
    EXPECT_EQ(reach(asking_user, "client"), EPERM);
    EXPECT_EQ(send(asking_user, "client"), unknown);
    EXPECT_EQ(first.read_all() + others.read_all(), 0U);
    expect_served(another_user, others);
  }
  const BoundClient second(asking_user, "client");
  expect_served(asking_user, second);
  EXPECT_EQ(first.read_all(), 0U);
  fs::remove(served_place + "/client");
  EXPECT_EQ(reach(asking_user, "client"), ENOENT);
  EXPECT_EQ(send(asking_user, "client"), unknown);
  const BoundClient target(asking_user, "target");
  fs::create_symlink(served_place + "/target", served_place + "/client");
  EXPECT_EQ(::lchown((served_place + "/client").c_str(), asking_user, asking_user), 0);
  EXPECT_EQ(reach(asking_user, "client"), EPERM);
  EXPECT_EQ(target.read_all(), 0U);
}

TEST_F(ReplyConnection, does_not_outlive_the_right_to_make_it) {
  const BoundClient client(asking_user, "client");
  EXPECT_EQ(reach_as_broker(client, [] {}), exited(0));
  EXPECT_EQ(reach_as_broker(client, [&] { (void)::chmod((served_place + "/client").c_str(), 0); }), exited(EACCES));
}

TEST_F(ReplyConnection, leaves_one_that_has_gone_to_who_can_tell) {
  BoundClient client(asking_user, "client");
  expect_served(asking_user, client);
  client.close();
  // Its name is there still, and a moment ago somebody was.
  EXPECT_EQ(reach(asking_user, "client"), 0);
  EXPECT_EQ(send(asking_user, "client"), unknown);
  EXPECT_EQ(connected(), 0U);
  EXPECT_EQ(reach(asking_user, "client"), ECONNREFUSED);
  const BoundClient again(asking_user, "client");
  expect_served(asking_user, again);
}

TEST_F(ReplyConnection, finds_out_after_a_moment_that_nobody_is_there) {
  BoundClient client(asking_user, "client");
  EXPECT_EQ(reach(asking_user, "client"), 0);
  client.close();
  pass(limits::client_known_for);
  EXPECT_EQ(reach(asking_user, "client"), ECONNREFUSED);
}

TEST_F(ReplyConnection, tells_one_that_reads_nothing_and_keeps_it_from_nobody) {
  std::vector<std::unique_ptr<BoundClient>> full;
  for (std::size_t number = 0; number < 2 * limits::reply_connections; ++number) {
    const auto& client =
        full.emplace_back(std::make_unique<BoundClient>(asking_user, "full" + std::to_string(number)));
    int sent = 0;
    while (sent == 0) {
      EXPECT_EQ(reach(asking_user, client->name()), 0);
      sent = send(asking_user, client->name());
    }
    EXPECT_EQ(sent, EAGAIN);
  }
  const BoundClient own(asking_user, "own");
  expect_served(asking_user, own);
  const BoundClient others(another_user, "others");
  expect_served(another_user, others);
}

TEST_F(ReplyConnection, leaves_a_user_the_connections_that_another_may_not_have) {
  const BoundClient others(another_user, "others");
  expect_served(another_user, others);
  std::vector<std::unique_ptr<BoundClient>> many;
  for (std::size_t number = 0; number < 2 * limits::reply_connections; ++number) {
    pass(milliseconds(1));
    many.push_back(std::make_unique<BoundClient>(asking_user, "client" + std::to_string(number)));
    expect_served(asking_user, *many.back());
  }
  EXPECT_EQ(connected(), limits::reply_connections_per_uid + 1);
}

TEST_F(ReplyConnection, is_let_go_where_its_client_asks_no_more) {
  const BoundClient early(asking_user, "early");
  const BoundClient late(asking_user, "late");
  expect_served(asking_user, early);
  EXPECT_EQ(connections_->forget_idle(now_), now_ + limits::connection_kept_for);
  pass(milliseconds(400));
  expect_served(asking_user, late);
  const auto until = now_ + limits::connection_kept_for;
  pass(limits::connection_kept_for - milliseconds(400));
  EXPECT_EQ(connections_->forget_idle(now_), until);
  EXPECT_EQ(connected(), 1U);
  now_ = until;
  EXPECT_EQ(connections_->forget_idle(now_), std::nullopt);
  EXPECT_EQ(connected(), 0U);
  expect_served(asking_user, early);
}

}  // namespace
}  // namespace secshr::test
