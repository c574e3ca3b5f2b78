// The pool of reply sockets on real sockets of several users: who hoards replies loses replies of its own only, and
// what is not the client's own socket gets none.
#include "secshr/reply_sockets.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "secshr/privilege/least_privilege.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t first_uid = 71001;
constexpr uid_t broker_uid = 71900;
constexpr std::array<std::byte, 24> reply{std::byte{1}, std::byte{2}};
const std::string served = "/mnt/test/tmp";

// A socket in the served directory that belongs to some user.
class Client {
 public:
  Client(uid_t uid, const std::string& name, int type = SOCK_DGRAM) : name_(name) {
    socket_.reset(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = address_of(name);
    if (!socket_ || ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        (type == SOCK_STREAM && ::listen(socket_.get(), 1) != 0)) {
      ADD_FAILURE() << name << ": errno " << errno;
    }
    // So that nobody has to act as its owner, which costs a test its capabilities.
    EXPECT_EQ(::chmod(path().c_str(), 0777), 0);
    give_to(uid);
  }
  void give_to(uid_t uid) const { EXPECT_EQ(::lchown(path().c_str(), uid, uid), 0); }
  void connect_to(const std::string& name) const {
    const sockaddr_un address = address_of(name);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void close() { socket_.reset(); }
  [[nodiscard]] std::string path() const { return served + "/" + name_; }
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  // Takes what is queued, and returns how many replies that were.
  [[nodiscard]] std::size_t read_all() const {
    std::size_t count = 0;
    std::array<std::byte, 64> buffer{};
    while (::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) == static_cast<ssize_t>(reply.size()) &&
           std::ranges::equal(std::span(buffer).first(reply.size()), reply)) {
      ++count;
    }
    return count;
  }

 private:
  static sockaddr_un address_of(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(served + "/" + name, static_cast<char*>(address.sun_path));
    return address;
  }
  std::string name_;
  Descriptor socket_;
};

// The descriptors of this process, by what they are: equal before and after means that none came, went or changed.
std::vector<std::string> descriptors() {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const fs::path target = fs::read_symlink(entry, error);
    if (!error && target.string().starts_with("socket:")) all.push_back(entry.path().string() + target.string());
  }
  std::ranges::sort(all);
  return all;
}

class ReplySocketPool : public PrivateWorldTest {
 protected:
  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_directory(served, 01777);
    directory_.reset(::open(served.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const rlimit many{8192, 8192};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &many), 0);
    auto made = ReplySockets::make();
    ASSERT_TRUE(made.has_value());
    pool_.emplace(*std::move(made));
  }
  // 0 or the errno.
  int send(uid_t uid, const std::string& name) {
    const auto sent = pool_->send(directory_.get(), name.c_str(), {1, uid, uid}, reply);
    return sent ? 0 : sent.error();
  }
  int send(uid_t uid, const Client& client) { return send(uid, client.name()); }
  // A reply that arrives, and is read.
  void expect_served(uid_t uid, const Client& client) {
    EXPECT_EQ(send(uid, client), 0);
    EXPECT_EQ(client.read_all(), 1U);
  }
  Client& new_client(uid_t uid) {
    return *clients_.emplace_back(std::make_unique<Client>(uid, "client" + std::to_string(clients_.size())));
  }
  // Replies that nobody reads, to as many sockets as it takes until even an empty one gets none. Returns how many
  // were sent.
  std::size_t hoard(uid_t uid) {
    std::size_t count = 0;
    while (clients_.size() < 7000) {
      const Client& client = new_client(uid);
      std::size_t here = 0;
      while (send(uid, client) == 0) ++here;
      if (here == 0) return count;
      count += here;
    }
    ADD_FAILURE() << "there was no end";
    return count;
  }

  Descriptor directory_;
  std::optional<ReplySockets> pool_;
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(ReplySocketPool, delivers_a_reply_to_the_clients_own_socket) {
  const Client client(first_uid, "gtm_secshr00000001");
  EXPECT_EQ(send(first_uid, client), 0);
  EXPECT_EQ(client.read_all(), 1U);
  // Nobody else's, whatever it is called.
  EXPECT_EQ(send(first_uid + 1, client), EPERM);
  EXPECT_EQ(client.read_all(), 0U);
}

TEST_F(ReplySocketPool, serves_more_users_than_it_has_sockets) {
  for (uid_t uid = first_uid; uid < first_uid + 3 * limits::reply_sockets; ++uid) expect_served(uid, new_client(uid));
  for (uid_t uid = first_uid; uid < first_uid + 3 * limits::reply_sockets; ++uid) {
    expect_served(uid, *clients_.at(uid - first_uid));
  }
}

TEST_F(ReplySocketPool, neither_grows_nor_shrinks_nor_stays_connected) {
  const Client client(first_uid, "client");
  const Client full(first_uid, "full");
  const Client gone(first_uid, "gone");
  fs::remove(gone.path());
  const auto before = descriptors();
  ASSERT_GE(before.size(), limits::reply_sockets);
  for (int round = 0; round < 1000; ++round) {
    expect_served(first_uid, client);
    (void)send(first_uid, full);
    EXPECT_EQ(send(first_uid, gone), ENOENT);
    EXPECT_EQ(send(first_uid + 1, client), EPERM);
  }
  EXPECT_EQ(send(first_uid, full), EAGAIN);
  EXPECT_EQ(descriptors(), before);
  for (const auto& descriptor : before) {
    const int number = std::stoi(descriptor.substr(std::string("/proc/self/fd/").size()));
    sockaddr_un peer{};
    socklen_t size = sizeof peer;
    EXPECT_EQ(::getpeername(number, reinterpret_cast<sockaddr*>(&peer), &size), -1) << descriptor;
  }
}

// --- Replies that nobody reads. ---

TEST_F(ReplySocketPool, unread_replies_of_one_user_take_nothing_from_another) {
  const Client other(first_uid + 1, "other");
  const std::size_t hoarded = hoard(first_uid);
  // Its share was used up: more than one socket of the pool takes, and a client of its own that did nothing wrong
  // gets nothing.
  EXPECT_GT(hoarded, 27U * 11U);
  const Client& innocent = new_client(first_uid);
  EXPECT_EQ(send(first_uid, innocent), EAGAIN);
  for (int round = 0; round < 100; ++round) expect_served(first_uid + 1, other);
  // That it is its own loss ends when it reads.
  std::size_t read = 0;
  for (const auto& client : clients_) read += client->read_all();
  EXPECT_EQ(read, hoarded);
  expect_served(first_uid, innocent);
}

TEST_F(ReplySocketPool, a_user_that_reads_late_has_its_share_and_no_more) {
  // One unread reply on each socket that it gets: as many users as there are shares leave none free.
  constexpr std::size_t shares = limits::reply_sockets / limits::reply_sockets_per_uid;
  const auto leave_unread = [&](uid_t uid, std::size_t count) {
    for (std::size_t each = 0; each < count; ++each) EXPECT_EQ(send(uid, new_client(uid)), 0);
  };
  for (uid_t uid = first_uid; uid < first_uid + shares - 1; ++uid)
    leave_unread(uid, 3 * limits::reply_sockets_per_uid);
  // A whole share is left: the last one fills that alone, and the others' sockets still take theirs.
  const uid_t last = first_uid + shares;
  const std::size_t of_one_share = hoard(last);
  for (uid_t uid = first_uid; uid < first_uid + shares - 1; ++uid) expect_served(uid, new_client(uid));
  // No socket is free now; somebody new is served by the least used one, again and again.
  for (int round = 0; round < 100; ++round) expect_served(last + 1, new_client(last + 1));
  EXPECT_EQ(send(last, new_client(last)), EAGAIN);
  // And what one may leave unread does not depend on who else does.
  for (auto& client : clients_) client->close();
  EXPECT_EQ(hoard(last + 2), of_one_share);
}

TEST_F(ReplySocketPool, a_hoarder_that_has_died_leaves_its_sockets_to_others) {
  constexpr std::size_t shares = limits::reply_sockets / limits::reply_sockets_per_uid;
  for (uid_t uid = first_uid; uid < first_uid + 2 * shares; ++uid) {
    const std::size_t before = clients_.size();
    EXPECT_GT(hoard(uid), 27U * 11U) << "user " << uid - first_uid;
    for (std::size_t each = before; each < clients_.size(); ++each) clients_[each]->close();
  }
}

// --- What is not the client's own socket. ---

TEST_F(ReplySocketPool, a_client_that_is_gone_full_or_no_datagram_socket_is_told_apart) {
  const Client well(first_uid, "well");
  Client closed(first_uid, "closed");
  closed.close();
  EXPECT_EQ(send(first_uid, closed), ECONNREFUSED);
  EXPECT_EQ(send(first_uid, "missing"), ENOENT);
  const Client stream(first_uid, "stream", SOCK_STREAM);
  EXPECT_EQ(send(first_uid, stream), EPROTOTYPE);
  const Client sequence(first_uid, "sequence", SOCK_SEQPACKET);
  EXPECT_EQ(send(first_uid, sequence), EPROTOTYPE);
  const Client elsewhere(first_uid, "elsewhere");
  elsewhere.connect_to("well");
  EXPECT_EQ(send(first_uid, elsewhere), EPERM);
  const Client full(first_uid, "full");
  std::size_t queued = 0;
  while (send(first_uid, full) == 0) ++queued;
  EXPECT_EQ(send(first_uid, full), EAGAIN);
  EXPECT_EQ(full.read_all(), queued);
  EXPECT_EQ(elsewhere.read_all(), 0U);
  expect_served(first_uid, full);
  expect_served(first_uid, well);
}

TEST_F(ReplySocketPool, a_name_that_stands_for_something_else_gets_nothing) {
  const Client own(first_uid, "own");
  const Client others(first_uid + 1, "others");
  const auto expect_nothing = [&](const std::string& name) {
    EXPECT_EQ(::lchown((served + "/" + name).c_str(), first_uid, first_uid), 0);
    EXPECT_EQ(send(first_uid, name), EPERM) << name;
    EXPECT_EQ(own.read_all() + others.read_all(), 0U) << name;
  };
  EXPECT_EQ(send(first_uid, others), EPERM);
  fs::create_symlink(own.path(), served + "/link");
  expect_nothing("link");
  fs::create_symlink(others.path(), served + "/others-link");
  expect_nothing("others-link");
  write_file(served + "/file", "a file\n", 0666);
  expect_nothing("file");
  EXPECT_EQ(read_file(served + "/file"), "a file\n");
  ASSERT_EQ(::mkfifo((served + "/fifo").c_str(), 0666), 0);
  expect_nothing("fifo");
  make_directory(served + "/directory", 0777);
  expect_nothing("directory");
  EXPECT_EQ(others.read_all(), 0U);
  // The control: the same name, once it is the client's own socket.
  expect_served(first_uid, own);
  others.give_to(first_uid);
  expect_served(first_uid, others);
}

// A broker has no right of its own in most places.
TEST_F(ReplySocketPool, a_broker_reaches_what_its_client_reaches) {
  const auto send_as_broker = [&](uid_t uid, const Client& client) {
    return run_forked([&] {
      if (drop_privileges({"test", broker_uid, broker_capabilities}) != nullptr) return 254;
      return send(uid, client);
    });
  };
  const Client open(first_uid, "open");
  const Client narrow(first_uid, "narrow");
  ASSERT_EQ(::chmod(open.path().c_str(), 0777), 0);
  ASSERT_EQ(::chmod(narrow.path().c_str(), 0200), 0);
  EXPECT_EQ(send_as_broker(first_uid, open), exited(0));
  EXPECT_EQ(send_as_broker(first_uid, narrow), exited(0));
  EXPECT_EQ(open.read_all() + narrow.read_all(), 2U);
  ASSERT_EQ(::chmod(narrow.path().c_str(), 0000), 0);
  EXPECT_EQ(send_as_broker(first_uid, narrow), exited(EACCES));
  EXPECT_EQ(send_as_broker(first_uid + 1, narrow), exited(EPERM));
  // A directory that only its owner can search, and only a group can.
  ASSERT_EQ(::chmod(served.c_str(), 0700), 0);
  EXPECT_EQ(send_as_broker(first_uid, open), exited(EACCES));
  ASSERT_EQ(::chown(served.c_str(), first_uid, first_uid), 0);
  EXPECT_EQ(send_as_broker(first_uid, open), exited(0));
  ASSERT_EQ(::chown(served.c_str(), 0, 71500), 0);
  ASSERT_EQ(::chmod(served.c_str(), 0710), 0);
  EXPECT_EQ(send_as_broker(first_uid, open), exited(0));
  EXPECT_EQ(open.read_all(), 2U);
}

// --- Making it. ---

TEST_F(ReplySocketPool, is_made_whole_or_not_at_all) {
  pool_.reset();
  EXPECT_EQ(
      run_forked([] {
        // Three descriptors, so that a limit says exactly how many more there can be.
        constexpr rlim_t used = 3;
        if (::close_range(used, ~0U, 0) != 0) return -1;
        const auto make_with = [&](rlim_t room) {
          const rlimit limit{used + room, 8192};
          if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
          const auto made = ReplySockets::make();
          return made ? 0 : made.error();
        };
        if (make_with(limits::reply_sockets) != EMFILE) return 1;
        return make_with(limits::reply_sockets + 1);  // and the one to ask with; nothing of the first attempt is left
      }),
      exited(0));
}

}  // namespace
}  // namespace secshr::test
