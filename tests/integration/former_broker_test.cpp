// A broker in the wrong hands, in whose place a start is to come: whatever it says, or does not say, on the control
// socket, the next one serves, and this one is gone some seconds later.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>

#include "secshr/control/control_port.h"
#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"
#include "secshr/privilege/least_privilege.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/privileges.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"
#include "tests/support/fail.h"

namespace secshr::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds slack{3000};

class FormerBroker : public BrokerTest {
 protected:
  using Talk = std::function<void(int conversation)>;

  FormerBroker() = default;
  FormerBroker(const FormerBroker&) = delete;
  FormerBroker& operator=(const FormerBroker&) = delete;
  ~FormerBroker() override {
    if (impostor_ <= 0) return;
    (void)::kill(impostor_, SIGKILL);
    (void)::waitpid(impostor_, nullptr, 0);
  }

  // Holds the broker's lock, listens where it listens, and talks like this to each who comes.
  pid_t put_impostor(const Talk& talk) {
    // A broker has been there, so that its place exists and the directory is known.
    const pid_t broker = serve();
    EXPECT_EQ(::kill(broker, SIGKILL), 0);
    EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
    impostor_ = ::fork();
    if (impostor_ == 0) impersonate(talk);
    EXPECT_TRUE(eventually([&] { return lock_holder() == impostor_; }));
    return impostor_;
  }

  bool has_ended(milliseconds patience) {
    const auto until = steady_clock::now() + patience;
    do {
      if (::waitpid(impostor_, nullptr, WNOHANG) == impostor_) {
        impostor_ = -1;
        return true;
      }
      pause_briefly();
    } while (steady_clock::now() < until);
    return false;
  }

  static void release_lock() {
    struct flock whole{};
    whole.l_type = F_UNLCK;
    (void)::fcntl(lock_in_impostor, F_SETLK, &whole);
  }

 private:
  inline static int lock_in_impostor = -1;

  [[noreturn]] static void impersonate(const Talk& talk) {
    const Descriptor place(::open("/run/secshr/test", O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto listener = listen_for_control(place.get());
    if (!listener || take_control_name(place.get()) != 0) ::_exit(1);
    lock_in_impostor = ::open(lock_file.c_str(), O_RDWR | O_CLOEXEC);
    struct flock first{};
    first.l_type = F_WRLCK;
    first.l_len = 1;
    if (::fcntl(lock_in_impostor, F_SETLK, &first) != 0) ::_exit(1);
    while (true) {
      pollfd entry{listener->get(), POLLIN, 0};
      (void)::poll(&entry, 1, -1);
      const Descriptor conversation(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (conversation) talk(conversation.get());
    }
  }

  pid_t impostor_ = -1;
};

std::optional<ControlRequest> next_request(int conversation) {
  std::array<std::byte, control_request_size> bytes{};
  const auto message = receive_message(conversation, bytes, Wait::yes);
  if (!message || message->size == 0) return std::nullopt;
  return decode_control_request(std::span(bytes).first(message->size));
}

void tell_state(int conversation, std::uint32_t directories, BrokerStage stage = BrokerStage::to_be_renewed) {
  (void)send_message(conversation, encode_broker_state({stage, directories}), -1, Wait::yes);
}

void tell_directory(int conversation, int descriptor) {
  std::array<std::byte, maximum_directory_state_size> bytes{};
  const std::size_t size = encode_directory_state(0, "/somewhere", bytes);
  (void)send_message(conversation, std::span(bytes).first(size), descriptor, Wait::yes);
}

TEST_F(FormerBroker, that_says_nothing_is_killed) {
  const pid_t impostor = put_impostor([](int) { ::pause(); });
  const pid_t broker = serve();
  EXPECT_NE(broker, impostor);
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
}

TEST_F(FormerBroker, that_hangs_up_is_killed) {
  (void)put_impostor([](int) {});
  (void)serve();
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
}

TEST_F(FormerBroker, that_talks_nonsense_is_killed) {
  (void)put_impostor([](int conversation) {
    while (next_request(conversation)) {
      const std::array<std::byte, 5> nonsense{std::byte{0xff}, std::byte{1}};
      (void)send_message(conversation, nonsense, -1, Wait::yes);
    }
  });
  (void)serve();
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
}

TEST_F(FormerBroker, that_promises_more_directories_than_can_be_is_killed) {
  (void)put_impostor([](int conversation) {
    while (next_request(conversation)) tell_state(conversation, 0xffffffff);
  });
  (void)serve();
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
}

TEST_F(FormerBroker, that_is_always_about_to_end_is_killed) {
  (void)put_impostor([](int conversation) {
    while (next_request(conversation)) tell_state(conversation, 0, BrokerStage::ending);
  });
  (void)serve();
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
}

TEST_F(FormerBroker, that_says_it_slowly_is_killed) {
  (void)put_impostor([](int conversation) {
    if (!next_request(conversation)) return;
    tell_state(conversation, 100);
    const Descriptor directory(::open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (unsigned each = 0; each < 100; ++each) {
      ::usleep(200'000);
      tell_directory(conversation, directory.get());
    }
  });
  (void)serve();
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
}

// Directories that are none, that no broker of ours has ever served, and one whose server socket a user has made.
TEST_F(FormerBroker, that_names_what_it_does_not_serve_is_not_believed) {
  make_directory("/mnt/test/strange", 01777);
  make_directory("/mnt/test/squatted", 01777);
  Client squatter(first_user);
  ASSERT_EQ(squatter.bind(server_in("/mnt/test/squatted")), 0);
  (void)put_impostor([](int conversation) {
    while (const auto request = next_request(conversation)) {
      if (request != ControlRequest::state) continue;  // it does not leave, either
      const std::array<const char*, 4> names{"/etc/passwd", "/mnt/test/strange", "/mnt/test/squatted",
                                             "/proc/self/fd"};
      tell_state(conversation, names.size());
      for (const char* const name : names) {
        tell_directory(conversation, Descriptor(::open(name, O_PATH | O_CLOEXEC)).get());
      }
    }
  });
  (void)serve();
  EXPECT_TRUE(has_ended(slack));
  expect_serving();
  EXPECT_FALSE(exists(server_in("/mnt/test/strange")));
  Client friend_of_it(first_user);
  EXPECT_EQ(friend_of_it.connect(server_in("/mnt/test/squatted")), 0) << "it is still the user's own";
  EXPECT_EQ(as_user(first_user, [] { return ::unlink(server_in("/mnt/test/squatted").c_str()); }), exited(0));
}

TEST_F(FormerBroker, that_gives_up_its_lock_and_stays_is_killed_all_the_same) {
  (void)put_impostor([](int conversation) {
    while (const auto request = next_request(conversation)) {
      if (request == ControlRequest::state) tell_state(conversation, 0);
      if (request != ControlRequest::leave) continue;
      release_lock();
      // Nobody's uid but its own now, and no broker's.
      if (::setresuid(u3, u3, u3) != 0) ::_exit(1);
    }
  });
  (void)system_log();
  const auto began = steady_clock::now();
  const pid_t broker = serve();
  EXPECT_EQ(lock_holder(), broker);
  expect_serving();
  EXPECT_FALSE(has_ended(milliseconds{500})) << "who leaves has time for what it is at";
  const auto watchers = find_broker_processes().watchers;
  ASSERT_EQ(watchers.size(), 1U);
  expect_role(watchers[0], broker_uid, watcher_capabilities, 2);
  EXPECT_TRUE(has_ended(limits::former_broker_deadline + slack));
  EXPECT_GE(steady_clock::now() - began, limits::former_broker_deadline);
  EXPECT_TRUE(eventually([] { return find_broker_processes().watchers.empty(); }));
  EXPECT_EQ(system_log(),
            (std::vector<std::string>{"reason=killed detail=a broker that was replaced had not ended"}));
  // Of all this the new one has noticed nothing.
  EXPECT_EQ(lock_holder(), broker);
  expect_serving();
}

TEST_F(FormerBroker, that_leaves_has_nobody_left_to_watch_it) {
  const pid_t first = serve();
  ask_for_renewal();
  const pid_t second = serve();
  EXPECT_NE(second, first);
  EXPECT_TRUE(eventually([] {
    const auto found = find_broker_processes();
    return found.watchers.empty() && found.brokers.size() == 1;
  }));
}

// Whoever holds the turn is killed by one of them, whoever takes it then is killed by none.
TEST_F(FormerBroker, that_is_stopped_ends_in_one_broker_however_many_start_at_the_time) {
  const pid_t first = serve();
  stop({first});
  std::vector<Running> starters;
  starters.reserve(20);
  for (unsigned each = 0; each < 20; ++each) {
    starters.push_back(start_as(each % 2 == 0 ? first_user : second_user, start_command()));
  }
  for (auto& starter : starters) {
    EXPECT_EQ(starter.wait(std::chrono::seconds(30)).ending, ending_of(StartStatus::serving));
  }
  const auto holder = lock_holder();
  ASSERT_TRUE(holder.has_value());
  EXPECT_NE(*holder, first);
  EXPECT_TRUE(eventually([&] { return find_broker_processes().brokers == std::vector<pid_t>{*holder}; }));
  expect_serving();
}

}  // namespace
}  // namespace secshr::test
