// Brokers that come and go while clients ask as fast as they can: every reply is checked, and that what was asked for
// has happened, once.
#include <poll.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <span>
#include <vector>

#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"
#include "secshr_paths.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/process_state.h"
#include "tests/integration/renewal.h"

namespace secshr::test {
namespace {

const std::string second_tmp = "/mnt/test/other";
const std::string closed_database = data + "/mumps.dat";

enum class Asks { ping, remove_set, close_header };

// Of one that asks: how often it asked and found nobody, and requests that were not answered, got what answers
// another, or got it twice, or were answered with success and had not happened.
struct Tally {
  unsigned asked = 0, refused = 0, silent = 0, wrong = 0, twice = 0, undone = 0;
};

// In its own process: no library of tests says anything there.
class Asker {
 public:
  Asker(const Identity& identity, const std::string& directory, const std::string& server,
        const std::atomic<bool>& stop, Tally& tally)
      : own_(directory + "/" + Client::name_of(::getpid())),
        server_(address_of(server.c_str())),
        stop_(stop),
        tally_(tally) {
    become(identity);
    (void)::umask(0);
    const sockaddr_un address = address_of(own_.c_str());
    if (!socket_ || ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::_exit(1);
    }
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;
  ~Asker() { (void)::unlink(own_.c_str()); }

  void ask(Asks what, std::uint64_t sequence) {
    const int set = what == Asks::remove_set ? ::semget(IPC_PRIVATE, 3, 0600) : -1;
    ++tally_.asked;
    const auto code = exchange(request(what, set), sequence);
    if (code && *code != 0) ++tally_.wrong;
    const bool is_gone = set < 0 || ::semctl(set, 0, GETVAL) < 0;
    if (code == 0 && !is_gone) ++tally_.undone;
    if (!is_gone) (void)::semctl(set, 0, IPC_RMID);
  }

 private:
  static protocol::Request request(Asks what, int set) {
    if (what == Asks::remove_set) return protocol::RemoveSemaphoreSet{set};
    if (what == Asks::close_header) return protocol::FlushHeader{protocol::closed_ids, closed_database};
    return protocol::Ping{};
  }

  // Asks again where nobody hears it, as stock clients do; the code of the reply.
  std::optional<std::int32_t> exchange(const protocol::Request& request, std::uint64_t sequence) {
    std::array<std::byte, protocol::maximum_datagram> bytes{};
    const protocol::RequestHeader header{0, release_key, 0, ::getpid(), sequence};
    const std::size_t size = protocol::encode_request(header, request, bytes);
    while (::sendto(socket_.get(), bytes.data(), size, 0, reinterpret_cast<const sockaddr*>(&server_),
                    sizeof server_) < 0) {
      ++tally_.refused;
      if (stop_.load()) return std::nullopt;
      (void)::usleep(1000);
    }
    pollfd entry{socket_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 4500) != 1) {
      ++tally_.silent;
      return std::nullopt;
    }
    std::array<std::byte, 64> buffer{};
    const ssize_t received = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    const auto reply = protocol::decode_reply(std::span(buffer).first(static_cast<std::size_t>(received)));
    if (::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0) ++tally_.twice;
    if (!reply || !reply->answers(header)) {
      ++tally_.wrong;
      return std::nullopt;
    }
    return reply->code();
  }

  std::string own_;
  sockaddr_un server_;
  const std::atomic<bool>& stop_;
  Tally& tally_;
  Descriptor socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

class TakeoverUnderLoad : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_directory(second_tmp, 01777);
    write_file(closed_database, DatabaseImage{}.text(), 0444, u3, g3);
  }
  TakeoverUnderLoad() = default;
  TakeoverUnderLoad(const TakeoverUnderLoad&) = delete;
  TakeoverUnderLoad& operator=(const TakeoverUnderLoad&) = delete;
  ~TakeoverUnderLoad() override {
    if (shared_ != nullptr) (void)::munmap(shared_, sizeof *shared_);
  }

  void start_asking() {
    void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = new (memory) Shared;
    for (std::size_t index = 0; index < shared_->tallies.size(); ++index) {
      const pid_t asker = ::fork();
      ASSERT_GE(asker, 0);
      if (asker == 0) live(index);
      askers_.push_back(asker);
    }
  }

  void stop_asking() {
    shared_->stop.store(true);
    for (const pid_t asker : askers_) {
      int status = -1;
      ASSERT_EQ(::waitpid(asker, &status, 0), asker);
      EXPECT_EQ(status, 0);
    }
  }

  [[nodiscard]] std::span<const Tally> tallies() const { return shared_->tallies; }

  void expect_nothing_lost_or_twice() const {
    unsigned sets = 0;
    for (std::size_t index = 0; index < tallies().size(); ++index) {
      const Tally& tally = tallies()[index];
      EXPECT_GE(tally.asked, 20U) << index;
      EXPECT_EQ(tally.silent, 0U) << index << '\n'
                                  << lines_with("verdict=dropped") << lines_with("-not-")
                                  << lines_with("event=killed");
      EXPECT_EQ(tally.wrong, 0U) << index;
      EXPECT_EQ(tally.twice, 0U) << index;
      EXPECT_EQ(tally.undone, 0U) << index;
      if (asks_of(index) == Asks::remove_set) sets += tally.asked;
    }
    EXPECT_EQ(lines_of_removed_sets(), sets);
  }
  void expect_nobody_noticed() const {
    for (const Tally& tally : tallies()) EXPECT_EQ(tally.refused, 0U);
  }

 private:
  struct Shared {
    std::atomic<bool> stop{false};
    std::array<Tally, 6> tallies{};
  };

  static Asks asks_of(std::size_t index) { return static_cast<Asks>(index / 2); }

  [[noreturn]] void live(std::size_t index) {
    {
      const std::string& directory = index % 2 == 0 ? tmp : second_tmp;
      Asker asker(index % 3 == 0 ? first_user : second_user, directory, server_in(directory), shared_->stop,
                  shared_->tallies.at(index));
      for (std::uint64_t sequence = 1; !shared_->stop.load(); ++sequence) asker.ask(asks_of(index), sequence);
    }
    ::_exit(0);
  }

  static std::string lines_with(const std::string& what) {
    std::string found;
    std::ifstream log(log_file);
    for (std::string line; std::getline(log, line);) {
      if (line.contains(what)) found += line + "\n";
    }
    return found;
  }

  static unsigned lines_of_removed_sets() {
    unsigned lines = 0;
    std::ifstream log(log_file);
    for (std::string line; std::getline(log, line);) {
      const bool is_one = line.contains(" req=remove-semaphore-set ") && line.contains(" verdict=done ");
      lines += is_one ? 1 : 0;
    }
    return lines;
  }

  Shared* shared_ = nullptr;
  std::vector<pid_t> askers_;
};

TEST_F(TakeoverUnderLoad, is_noticed_by_nobody_a_hundred_times) {
  (void)serve(first_user, tmp);
  pid_t before = serve(second_user, second_tmp);
  start_asking();
  for (int round = 0; round < 100; ++round) {
    ask_for_renewal();
    const pid_t now = serve(round % 2 == 0 ? first_user : second_user, round % 3 == 0 ? tmp : second_tmp);
    EXPECT_NE(now, before) << "round " << round;
    before = now;
  }
  stop_asking();
  expect_nothing_lost_or_twice();
  expect_nobody_noticed();
  EXPECT_TRUE(eventually([&] { return find_broker_processes().brokers == std::vector<pid_t>{before}; }));
}

TEST_F(TakeoverUnderLoad, for_directories_that_push_each_other_out_is_noticed_by_nobody_in_the_others) {
  configure("max_directories = 4\n");  // one of them is /tmp's
  (void)serve(first_user, tmp);
  (void)serve(second_user, second_tmp);
  start_asking();
  for (int round = 0; round < 20; ++round) {
    const std::string directory = "/mnt/test/pushing" + std::to_string(round);
    make_directory(directory, 01777);
    (void)serve(third_user, directory);
    expect_serving(directory);
    (void)::usleep(20'000);
  }
  stop_asking();
  expect_nothing_lost_or_twice();
  expect_nobody_noticed();
}

TEST_F(TakeoverUnderLoad, by_another_program_at_the_same_path_is_noticed_by_nobody) {
  (void)serve(first_user, tmp);
  pid_t before = serve(second_user, second_tmp);
  start_asking();
  for (int round = 0; round < 10; ++round) {
    // As a package manager does: the new file takes the name, the old one runs on.
    install_built("secshrd", std::string(paths::broker) + ".new", 0755);
    ASSERT_EQ(std::rename((std::string(paths::broker) + ".new").c_str(), paths::broker), 0);
    const Outcome reloaded =
        run_as(Identity{0, 0, {}}, {"/usr/bin/secshrctl", {"secshrctl", "reload", "test"}, {}, {}});
    EXPECT_EQ(reloaded.ending, exited(0)) << reloaded.errors;
    const auto now = lock_holder();
    ASSERT_TRUE(now.has_value());
    EXPECT_NE(*now, before);
    before = *now;
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(before) + "/exe"), paths::broker);
  }
  stop_asking();
  expect_nothing_lost_or_twice();
  expect_nobody_noticed();
}

// Of two that asked for what only the dead one could do, neither is told that it failed.
TEST_F(TakeoverUnderLoad, is_not_needed_for_nothing_to_be_lost_where_a_helper_dies) {
  (void)serve(first_user, tmp);
  pid_t broker = serve(second_user, second_tmp);
  start_asking();
  for (int round = 0; round < 10; ++round) {
    const auto found = wait_for_processes();
    ASSERT_EQ(::kill((round % 2 == 0 ? found.looker_supervisors : found.writer_supervisors).at(0), SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return lock_holder() != broker; }));
    broker = serve(first_user, tmp);
    (void)::usleep(50'000);
  }
  stop_asking();
  expect_nothing_lost_or_twice();
}

// Between the end and the next start nobody is there: who asks then is told so.
TEST_F(TakeoverUnderLoad, is_not_needed_for_nothing_to_be_lost_where_a_broker_ends_in_order) {
  (void)serve(first_user, tmp);
  pid_t broker = serve(second_user, second_tmp);
  start_asking();
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(::kill(broker, round % 2 == 0 ? SIGHUP : SIGTERM), 0);
    const pid_t next = serve(first_user, tmp);
    EXPECT_NE(next, broker) << "whoever ends does not count as serving";
    broker = next;
    (void)::usleep(50'000);
  }
  stop_asking();
  expect_nothing_lost_or_twice();
}

}  // namespace
}  // namespace secshr::test
