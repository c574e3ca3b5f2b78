// The helpers: what happens when one dies, is stuck, or outlives the broker; and what a deadline means.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include "secshr/limits.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

using std::chrono::milliseconds;

class BrokerHelpers : public BrokerFlush {
 protected:
  void SetUp() override {
    BrokerFlush::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    (void)wait_for_processes();
    ids_ = ids_of(make_set(*reader_), make_segment(*reader_));
  }
  // An open and a close, both served.
  void expect_flushes() {
    (void)expect_answer(*reader_, FlushHeader{ids_, database}, served);
    (void)expect_answer(*reader_, FlushHeader{closed_ids, database}, served);
  }
  Bytes open_request(std::uint64_t sequence = 1) { return datagram(*reader_, FlushHeader{ids_, database}, sequence); }
  static std::optional<int> code_of(const std::optional<Bytes>& reply) {
    if (!reply || reply->size() != 24) return std::nullopt;
    return static_cast<int>(reply->at(0)) | static_cast<int>(reply->at(1)) << 8;
  }

  IpcIds ids_;
};

// --- Death ---

TEST_F(BrokerHelpers, a_looker_that_is_killed_is_replaced_and_service_goes_on) {
  for (int round = 0; round < 3; ++round) {
    const pid_t victim = wait_for_processes().lookers.at(0);
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !is_running(victim); }));
    expect_flushes();
    ASSERT_TRUE(wait_for_processes().complete());
  }
  EXPECT_EQ(find_broker_processes().brokers, std::vector<pid_t>{broker_});
}

TEST_F(BrokerHelpers, a_writer_that_is_killed_is_replaced_and_service_goes_on) {
  for (int round = 0; round < 3; ++round) {
    const pid_t victim = wait_for_processes().writers.at(0);
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !is_running(victim); }));
    expect_flushes();
    ASSERT_TRUE(wait_for_processes().complete());
  }
  EXPECT_EQ(find_broker_processes().brokers, std::vector<pid_t>{broker_});
}

TEST_F(BrokerHelpers, all_workers_killed_at_once_are_replaced_and_service_goes_on) {
  expect_flushes();
  const auto found = wait_for_processes();
  for (const pid_t pid : found.lookers) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  for (const pid_t pid : found.writers) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  for (const auto* pids : {&found.lookers, &found.writers}) {
    for (const pid_t pid : *pids) ASSERT_TRUE(eventually([pid] { return !is_running(pid); }));
  }
  ASSERT_TRUE(wait_for_processes().complete());
  expect_flushes();
  EXPECT_EQ(find_broker_processes().brokers, std::vector<pid_t>{broker_});
}

TEST_F(BrokerHelpers, a_supervisor_that_is_killed_ends_the_broker_and_the_next_start_works) {
  for (const bool looker : {true, false}) {
    const auto found = wait_for_processes();
    ASSERT_EQ(::kill((looker ? found.looker_supervisors : found.writer_supervisors).at(0), SIGKILL), 0);
    EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); })) << "processes are left";
    expect_ended("helper-died");
    (void)serve();
    expect_flushes();
    (void)wait_for_processes();
  }
}

TEST_F(BrokerHelpers, no_helper_outlives_a_broker_that_is_killed) {
  ASSERT_EQ(::kill(broker_, SIGKILL), 0);
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); })) << "processes are left";
  (void)serve();
  expect_flushes();
}

TEST_F(BrokerHelpers, no_helper_outlives_a_broker_that_ends_by_itself) {
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); })) << "processes are left";
}

// --- Deadlines ---

TEST_F(BrokerHelpers, a_look_that_takes_too_long_is_answered_at_the_deadline_and_changes_nothing_later) {
  const FileState before = state_of(database);
  const auto lookers = wait_for_processes().lookers;
  stop(lookers);
  const auto started = std::chrono::steady_clock::now();
  ASSERT_EQ(reader_->send(server_in(), open_request()), 0);
  // Whoever needs no looker is served meanwhile.
  EXPECT_EQ(answer(*other_, datagram(*other_, protocol::Ping{})), 0);
  EXPECT_EQ(code_of(reader_->receive()), ETIMEDOUT);
  const auto took = std::chrono::steady_clock::now() - started;
  EXPECT_GE(took, milliseconds(3900));
  EXPECT_LT(took, milliseconds(4900)) << "a stock client has given up by then";
  resume(lookers);
  expect_serving();
  EXPECT_FALSE(reader_->receive(silence).has_value()) << "a second answer";
  EXPECT_EQ(state_of(database), before);
  expect_flushes();
}

TEST_F(BrokerHelpers, a_write_that_comes_too_late_is_not_made) {
  const FileState before = state_of(database);
  const auto writers = wait_for_processes().writers;
  stop(writers);
  ASSERT_EQ(reader_->send(server_in(), open_request()), 0);
  EXPECT_EQ(code_of(reader_->receive()), ETIMEDOUT);
  resume(writers);
  EXPECT_FALSE(reader_->receive(milliseconds(300)).has_value()) << "a second answer";
  EXPECT_EQ(state_of(database), before) << "written after the client was told that it was not";
  expect_flushes();
}

TEST_F(BrokerHelpers, a_header_that_changed_between_look_and_write_is_looked_at_again) {
  // The writers wait while another writes: what was permitted then is no longer.
  const auto writers = wait_for_processes().writers;
  const IpcIds others = ids_of(make_set(*other_), make_segment(*other_));
  stop(writers);
  ASSERT_EQ(reader_->send(server_in(), open_request()), 0);
  ::usleep(100'000);
  {
    const Descriptor file(::open(database.c_str(), O_WRONLY | O_CLOEXEC));
    const std::string changed = DatabaseImage{.ids = others}.text();
    ASSERT_EQ(::pwrite(file.get(), changed.data(), changed.size(), 0), static_cast<ssize_t>(changed.size()));
  }
  resume(writers);
  EXPECT_EQ(code_of(reader_->receive()), EBUSY);
  EXPECT_EQ(read_file(database), DatabaseImage{.ids = others}.text());
}

TEST_F(BrokerHelpers, a_writer_that_dies_with_a_request_is_answered_for_and_service_goes_on) {
  const auto found = wait_for_processes();
  stop(found.writers);
  ASSERT_EQ(reader_->send(server_in(), open_request()), 0);
  ::usleep(50'000);
  for (const pid_t pid : found.writers) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  // Either a new writer takes it, or the deadline passes.
  const auto code = code_of(reader_->receive());
  EXPECT_TRUE(code == 0 || code == ETIMEDOUT) << code.value_or(-1);
  EXPECT_EQ(read_file(database) == DatabaseImage{.ids = ids_}.text(), code == 0);
  expect_serving();
}

TEST_F(BrokerHelpers, one_user_has_a_bounded_number_of_requests_waiting_and_others_are_not_kept_out) {
  constexpr std::uint64_t share = limits::parked_files_per_uid;
  const auto lookers = wait_for_processes().lookers;
  stop(lookers);
  // More than its socket's queue holds: what is answered later is taken from several.
  std::vector<std::unique_ptr<Client>> askers;
  for (std::uint64_t sequence = 1; sequence <= share; ++sequence) {
    if (sequence % 8 == 1) askers.push_back(connect(first_user));
    Client& asker = *askers.back();
    ASSERT_EQ(asker.send(server_in(), datagram(asker, FlushHeader{closed_ids, database}, sequence)), 0);
  }
  EXPECT_FALSE(askers.front()->receive(silence).has_value());
  const std::size_t before = records().size();
  EXPECT_EQ(answer(*reader_, open_request(share + 1)), EBUSY);
  ASSERT_EQ(records().size(), before + 1);
  EXPECT_EQ(records().back().at("rule"), "rate.uid");
  // Another process of that user is the same user; another user is not.
  const auto same = connect(first_user);
  EXPECT_EQ(answer(*same, datagram(*same, FlushHeader{closed_ids, database})), EBUSY);
  ASSERT_EQ(other_->send(server_in(), datagram(*other_, FlushHeader{closed_ids, "/etc/passwd"})), 0);
  EXPECT_FALSE(other_->receive(silence).has_value());
  resume(lookers);
  EXPECT_EQ(code_of(other_->receive()), EPERM);
  for (const auto& asker : askers) {
    for (int index = 0; index < 8; ++index) EXPECT_EQ(code_of(asker->receive()), 0);
  }
}

// --- A file system that does not answer ---

// An automount point whose daemon never does anything: whoever looks a name up in it waits.
class BrokerHungFile : public BrokerHelpers {
 protected:
  static constexpr char hung[] = "/mnt/test/hung";
  void SetUp() override {
    BrokerHelpers::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_directory(hung);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    requests_.reset(ends[0]);
    const Descriptor writing(ends[1]);
    const std::string options = "fd=" + std::to_string(writing.get()) + ",minproto=5,maxproto=5,indirect";
    if (::mount("secshr-tests", hung, "autofs", 0, options.c_str()) != 0) SECSHR_SKIP("no autofs");
    mounted_ = true;
  }
  void TearDown() override {
    // Ends all waiting.
    requests_.reset();
    BrokerHelpers::TearDown();
    if (mounted_) (void)::umount2(hung, MNT_DETACH);
  }
  Bytes hung_request(Client& client, std::uint64_t sequence) {
    return datagram(client, FlushHeader{closed_ids, std::string(hung) + "/x/mumps.dat"}, sequence);
  }

 private:
  Descriptor requests_;
  bool mounted_ = false;
};

TEST_F(BrokerHungFile, is_answered_at_the_deadline_and_its_looker_is_replaced) {
  ASSERT_EQ(other_->send(server_in(), hung_request(*other_, 1)), 0);
  ::usleep(50'000);
  expect_flushes();
  EXPECT_EQ(code_of(other_->receive()), ETIMEDOUT);
  const auto before = wait_for_processes().lookers;
  EXPECT_TRUE(eventually([&] { return find_broker_processes().lookers != before; }))
      << "the stuck one is still there";
  (void)wait_for_processes();
  expect_flushes();
}

// What hangs would keep a broker that ends in order for four seconds.
TEST_F(BrokerHungFile, does_not_keep_a_broker_that_nobody_writes_a_log_for_from_ending_at_once) {
  ASSERT_EQ(other_->send(server_in(), hung_request(*other_, 1)), 0);
  expect_flushes();
  const std::size_t before = records().size();
  kill_recorders();
  const auto killed = std::chrono::steady_clock::now();
  // It may be done, in the instant before the end is seen; nobody is told.
  if (reader_->send(server_in(), open_request()) == 0) {
    EXPECT_FALSE(reader_->receive(milliseconds(1000)).has_value());
  }
  EXPECT_EQ(records().size(), before);
  ASSERT_TRUE(eventually([&] { return !is_running(broker_); }));
  EXPECT_LT(std::chrono::steady_clock::now() - killed, milliseconds(2500));
  EXPECT_TRUE(std::ranges::any_of(broker_messages(), [](const std::string& message) {
    return message.find("secshr ends: \"helper-died unsent-replies 0 lost-lines ") != std::string::npos;
  }));
  // The next one serves, and its log says of all of it.
  (void)serve();
  expect_flushes();
}

// A user's directory that was served, and that leads elsewhere when the next broker looks for it.
TEST_F(BrokerHungFile, that_a_users_directory_leads_to_by_now_does_not_keep_a_start_waiting) {
  const std::string own = "/mnt/test/own";
  make_directory(own, 0700, u1, g1);
  make_directory(own + "/served", 0700, u1, g1);
  const pid_t broker = serve(first_user, own + "/served");
  ASSERT_EQ(::kill(broker, SIGTERM), 0);
  ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  const auto lead_away = [&] {
    return ::rename((own + "/served").c_str(), (own + "/away").c_str()) == 0 &&
                   ::symlink((std::string(hung) + "/x").c_str(), (own + "/served").c_str()) == 0
               ? 0
               : errno;
  };
  ASSERT_EQ(as_user(first_user, lead_away), exited(0));
  const auto began = std::chrono::steady_clock::now();
  (void)serve(second_user);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(2000));
  expect_serving();
}

TEST_F(BrokerHungFile, as_many_as_one_user_may_ask_for_keep_another_user_from_nothing) {
  for (std::uint64_t sequence = 1; sequence <= limits::parked_files_per_uid; ++sequence) {
    ASSERT_EQ(other_->send(server_in(), hung_request(*other_, sequence)), 0);
  }
  ::usleep(50'000);
  expect_flushes();
}

}  // namespace
}  // namespace secshr::test
