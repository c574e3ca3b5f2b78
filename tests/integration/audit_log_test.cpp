// The audit log under everything that can happen to it: disks that hang or are full, rotation, floods, and the copy
// that a user asked for.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "counters/read_counters.h"
#include "protocol/limits.h"
#include "secshr/audit/logfmt.h"
#include "secshr/limits.h"
#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string copy_directory = "/mnt/test/copy";
const std::string copy_file = copy_directory + "/gtm_secshr_log";

class BrokerLog : public BrokerRemoval {
 protected:
  // Another broker, started by the first user with $gtm_log.
  void begin_with_copy() {
    end();
    fs::remove(log_file);
    Command command = start_command();
    command.environment.push_back("gtm_log=" + copy_directory);
    ASSERT_EQ(run_as(first_user, command).ending, exited(0));
    begin();
  }
  static std::vector<pid_t> named(const std::string& name) {
    std::vector<pid_t> found;
    for (const pid_t pid : find_broker_processes().recorders) {
      if (status_of(pid).at("Name") == name) found.push_back(pid);
    }
    return found;
  }
  int remove_a_set() {
    return answer(*asker_, datagram(*asker_, protocol::RemoveSemaphoreSet{make_set(*maker_)})).value_or(-1);
  }
  void expect_no_copy(const std::string& why) {
    begin_with_copy();
    EXPECT_EQ(remove_a_set(), 0);
    const auto found = events();
    EXPECT_TRUE(std::ranges::any_of(found, [&](const LogRecord& event) {
      return event.at("event") == "log-copy-refused" && event.at("detail").contains(why);
    })) << why;
    EXPECT_TRUE(named("secshrd-copy").empty());
  }
};

TEST_F(BrokerLog, a_directory_whose_name_has_blanks_is_one_directory_in_it) {
  end();
  fs::remove(log_file);
  make_directory("/mnt/test/a ", 0755);
  make_directory("/mnt/test/a /etc", 01777);
  (void)serve(first_user, "/mnt/test/a /etc");
  ASSERT_FALSE(events().empty());
  const std::string detail = events().front().at("detail");
  EXPECT_NE(detail.find(" directories \"/mnt/test/a /etc\""), std::string::npos) << detail;
}

// --- The copy ---

TEST_F(BrokerLog, the_copy_has_the_same_lines_and_is_roots) {
  make_directory(copy_directory, 0755, u1, g1);
  begin_with_copy();
  EXPECT_EQ(remove_a_set(), 0);
  EXPECT_TRUE(eventually([] { return read_file(copy_file) == read_file(log_file); }));
  EXPECT_FALSE(read_file(copy_file).empty());
  struct stat facts{};
  ASSERT_EQ(::lstat(copy_file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, 0U);
  EXPECT_EQ(facts.st_mode, S_IFREG | 0600U);
  EXPECT_EQ(as_user(first_user, [] { return ::open(copy_file.c_str(), O_RDONLY) >= 0 ? 0 : errno; }), exited(EACCES));
}

TEST_F(BrokerLog, a_copy_whose_name_is_a_link_a_fifo_or_a_file_of_the_users_is_refused_and_nothing_waits) {
  make_directory(copy_directory, 0755, u1, g1);
  write_file("/mnt/test/victim", "precious\n", 0644);
  fs::create_symlink("/mnt/test/victim", copy_file);
  expect_no_copy("symbolic");
  fs::remove(copy_file);
  fs::create_hard_link("/mnt/test/victim", copy_file);
  expect_no_copy("not a file of root's own");
  fs::remove(copy_file);
  ASSERT_EQ(::mkfifo(copy_file.c_str(), 0666), 0);
  expect_no_copy("");
  fs::remove(copy_file);
  write_file(copy_file, "mine\n", 0644, u1, g1);
  expect_no_copy("not a file of root's own");
  EXPECT_EQ(read_file(copy_file), "mine\n");
  EXPECT_EQ(read_file("/mnt/test/victim"), "precious\n");
}

TEST_F(BrokerLog, a_copy_that_its_user_could_read_is_refused_and_in_a_setgid_directory_none_can_be_read) {
  make_directory(copy_directory, 02755, u1, g1);
  write_file(copy_file, "another file of root's\n", 0644);
  expect_no_copy("others may read it");
  fs::remove(copy_file);
  begin_with_copy();
  EXPECT_EQ(remove_a_set(), 0);
  EXPECT_TRUE(eventually([] { return exists(copy_file) && !read_file(copy_file).empty(); }));
  EXPECT_EQ(as_user(first_user, [] { return ::open(copy_file.c_str(), O_RDONLY) >= 0 ? 0 : errno; }), exited(EACCES));
}

TEST_F(BrokerLog, a_copy_where_the_user_could_create_no_file_is_refused) {
  for (const mode_t mode : {0755U, 0700U}) {
    make_directory(copy_directory, mode);
    expect_no_copy("not-creatable");
    EXPECT_FALSE(exists(copy_file));
    remove_tree(copy_directory);
  }
  expect_no_copy("missing");
}

TEST_F(BrokerLog, a_copy_that_hangs_is_full_or_vanishes_costs_the_log_nothing) {
  make_directory(copy_directory, 0755, u1, g1);
  ASSERT_EQ(::mount("secshr-tests", copy_directory.c_str(), "tmpfs", 0, "size=8k,mode=0777"), 0);
  begin_with_copy();
  for (int count = 0; count < 40; ++count) EXPECT_EQ(remove_a_set(), 0);
  const auto copyists = named("secshrd-copy");
  ASSERT_EQ(copyists.size(), 1U);
  stop(copyists);
  for (int count = 0; count < 40; ++count) EXPECT_EQ(remove_a_set(), 0);
  fs::remove(copy_file);
  ASSERT_EQ(::kill(copyists[0], SIGKILL), 0);
  for (int count = 0; count < 40; ++count) EXPECT_EQ(remove_a_set(), 0);
  const auto found = records();
  EXPECT_EQ(std::ranges::count_if(found, [](const LogRecord& record) { return record.at("req") != "ping"; }), 120);
  asker_.reset();
  end();
  (void)::umount2(copy_directory.c_str(), MNT_DETACH);
}

// --- A disk that hangs ---

TEST_F(BrokerLog, while_it_hangs_everybody_is_answered_and_changes_are_told_at_their_deadline) {
  (void)wait_for_processes();
  const auto recorders = named("secshrd-log");
  ASSERT_EQ(recorders.size(), 1U);
  stop(recorders);
  const int id = make_set(*maker_);
  const int kept = make_set(*maker_, 0600);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(maker_->send(server_in(), datagram(*maker_, protocol::RemoveSemaphoreSet{id})), 0);
  for (int count = 0; count < 300; ++count) {
    EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveSemaphoreSet{kept})), EPERM);
  }
  EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::Ping{})), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, limits::request_deadline);
  EXPECT_FALSE(maker_->receive(std::chrono::milliseconds(0)).has_value());
  const auto reply = maker_->receive();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(static_cast<int>(reply->at(0)), 0);
  EXPECT_FALSE(set_exists(id));
  EXPECT_GE(std::chrono::steady_clock::now() - began, limits::request_deadline);
  resume(recorders);
  EXPECT_EQ(remove_a_set(), 0);
  // What did not fit is counted, and the changes are all there.
  std::int64_t lost = 0;
  for (const LogRecord& event : events()) {
    if (event.at("event") == "log-lost") lost += std::stoll(event.at("lines"));
  }
  const auto found = records();
  EXPECT_EQ(found.size() + static_cast<std::size_t>(lost), 303U);
  EXPECT_GT(lost, 0);
  EXPECT_EQ(std::ranges::count_if(
                found,
                [](const LogRecord& record) { return record.at("verdict") == "done" && record.at("req") != "ping"; }),
            2);
}

// Long lines fill the recorder's channel. Where a disk is busy for a moment, they must not have another's change told
// of that is not in the log.
TEST_F(BrokerLog, while_it_is_busy_nobodys_long_lines_have_a_change_told_of_before_it_is_written) {
  std::string place = data;
  while (place.size() < 4000) place += "/.";
  (void)wait_for_processes();
  const auto recorders = named("secshrd-log");
  ASSERT_EQ(recorders.size(), 1U);
  stop(recorders);
  constexpr int each = limits::parked_files_per_uid;
  int databases = 0;
  for (Client* const user : {asker_.get(), stranger_.get()}) {
    const protocol::IpcIds ids = ids_of(make_set(*user), make_segment(*user));
    for (int count = 0; count < each; ++count) {
      const std::string name = "/" + std::to_string(databases++) + ".dat";
      write_file(data + name, DatabaseImage{}.text(), 0444, u3, g3);
      ASSERT_EQ(user->send(server_in(), datagram(*user, protocol::FlushHeader{ids, place + name})), 0);
    }
  }
  ::usleep(300'000);
  const int id = make_set(*maker_);
  ASSERT_EQ(maker_->send(server_in(), datagram(*maker_, protocol::RemoveSemaphoreSet{id})), 0);
  ASSERT_TRUE(eventually([&] { return !set_exists(id); }));
  EXPECT_FALSE(maker_->receive(std::chrono::milliseconds(300)).has_value()) << "told, and not in the log";
  resume(recorders);
  EXPECT_TRUE(maker_->receive().has_value());
  const auto found = records();
  EXPECT_EQ(std::ranges::count_if(found, [](const LogRecord& record) { return record.at("verdict") == "done"; }),
            2 * each + 1);
  for (const LogRecord& event : events()) EXPECT_NE(event.at("event"), "log-lost");
}

TEST_F(BrokerLog, a_recorder_that_is_killed_is_replaced_and_service_goes_on) {
  std::vector<pid_t> before;
  for (int round = 0; round < 3; ++round) {
    std::vector<pid_t> recorders;
    ASSERT_TRUE(eventually([&] {
      recorders = named("secshrd-log");
      return recorders.size() == 1 && recorders != before;
    }));
    ASSERT_EQ(::kill(recorders[0], SIGKILL), 0);
    EXPECT_EQ(remove_a_set(), 0);
    before = recorders;
  }
  EXPECT_EQ(records().size(), 3U);
  EXPECT_TRUE(is_running(broker_));
}

// --- A log that nobody writes any more ---

class BrokerWithoutRecorder : public BrokerLog {
 protected:
  // Many who ask all the time, so that a broker that serves what comes has always something to serve.
  void keep_busy() {
    for (int count = 0; count < 8; ++count) ask_all_the_time();
  }
  void ask_all_the_time() {
    busy_.push_back(connect(third_user));
    Client& client = *busy_.back();
    const Bytes bytes = datagram(client, protocol::Ping{});
    std::array<std::byte, protocol::header_size> copy{};
    ASSERT_EQ(bytes.size(), copy.size());
    std::ranges::copy(bytes, copy.begin());
    client.start([socket = client.socket(), server = Text(server_in()), copy] {
      const sockaddr_un address = address_of(server.text);
      while (true) {
        (void)::sendto(socket, copy.data(), copy.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                       sizeof address);
      }
      return 0;
    });
  }
  // Asks for one change after the other while that happens, for as long as a broker answers. How many were told.
  template <typename Happen>
  std::size_t changes_told(Happen happen) {
    std::vector<int> sets(3000);
    for (int& id : sets) id = make_set(*maker_);
    std::size_t told = 0;
    for (const int id : sets) {
      if (told == 20) happen();
      if (asker_->send(server_in(), datagram(*asker_, protocol::RemoveSemaphoreSet{id}, told + 1)) != 0) break;
      const auto reply = asker_->receive(std::chrono::milliseconds(500));
      if (!reply) break;
      EXPECT_EQ(static_cast<int>(reply->at(0)), 0);
      ++told;
    }
    return told;
  }
  static std::size_t changes_in_log() {
    const auto found = records();
    return static_cast<std::size_t>(std::ranges::count_if(
        found, [](const LogRecord& record) { return record.at("req") == "remove-semaphore-set"; }));
  }
  void TearDown() override {
    busy_.clear();
    BrokerLog::TearDown();
  }
  std::vector<std::unique_ptr<Client>> busy_;
};

TEST_F(BrokerWithoutRecorder, ends_at_once_and_whatever_it_told_of_is_in_the_log) {
  keep_busy();
  std::chrono::steady_clock::time_point killed;
  const auto told = changes_told([&] {
    kill_recorders();
    killed = std::chrono::steady_clock::now();
  });
  ASSERT_TRUE(eventually([&] { return !is_running(broker_); }));
  EXPECT_LT(std::chrono::steady_clock::now() - killed, std::chrono::seconds(2));
  busy_.clear();
  EXPECT_GE(told, 20U);
  EXPECT_LE(told, changes_in_log());
}

TEST_F(BrokerWithoutRecorder, whose_supervisor_alone_is_gone_ends_with_every_line_in_the_log) {
  keep_busy();
  const auto told = changes_told([&] {
    for (const pid_t pid : find_broker_processes().recorder_supervisors) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  });
  ASSERT_TRUE(eventually([&] { return find_broker_processes().all().empty(); }));
  busy_.clear();
  EXPECT_GE(told, 20U);
  EXPECT_LE(told, changes_in_log());
  expect_ended("helper-died");
}

// --- A disk that is full ---

TEST_F(BrokerLog, while_its_disk_is_full_everybody_is_served_and_it_says_later_how_many_lines_are_missing) {
  end();
  make_directory("/mnt/test/log");
  ASSERT_EQ(::mount("secshr-tests", "/mnt/test/log", "tmpfs", 0, "size=64k,mode=0755"), 0);
  configure("log_directory = '/mnt/test/log'\n");
  begin();
  const std::string log = "/mnt/test/log/test/gtm_secshr_log";
  const std::string ballast = "/mnt/test/log/ballast";
  {
    const Descriptor file(::open(ballast.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string page(4096, 'x');
    while (::write(file.get(), page.data(), page.size()) > 0) continue;
  }
  for (int count = 0; count < 100; ++count) EXPECT_EQ(remove_a_set(), 0);
  ASSERT_EQ(::unlink(ballast.c_str()), 0);
  EXPECT_EQ(remove_a_set(), 0);
  std::uint64_t counted = 0;
  EXPECT_TRUE(eventually([&] {
    const auto counters = read_counters("/run/secshr/test/counters");
    counted = counters ? counters->log_lines_lost : 0;
    return counted > 0;
  }));
  std::size_t changes = 0;
  std::size_t lost = 0;
  std::string text = read_file(log);
  for (auto end = text.find('\n'); end != std::string::npos; text.erase(0, end + 1), end = text.find('\n')) {
    const auto fields = parse_log_line(text.substr(0, end));
    if (!fields) continue;  // the one that was cut
    for (const auto& [key, value] : *fields) {
      if (key == "req") ++changes;
      if (key == "lines") lost += std::stoul(value);
    }
  }
  // A line that was cut behind its last key counts as lost, too.
  EXPECT_GE(changes + lost, 101U);
  EXPECT_LE(changes + lost, 102U);
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(counted, lost) << "what the log says and what the counters say";
  end();
  (void)::umount2("/mnt/test/log", MNT_DETACH);
}

TEST_F(BrokerLog, the_first_line_of_the_next_broker_does_not_run_together_with_one_that_was_cut) {
  EXPECT_EQ(remove_a_set(), 0);
  end();
  std::string log = read_file(log_file);
  ASSERT_TRUE(log.ends_with('\n'));
  log.resize(log.size() - 10);
  write_file(log_file, log, 0640);
  broker_ = serve();
  ASSERT_TRUE(
      eventually([&] { return read_file(log_file).find(" event=started ", log.size()) != std::string::npos; }));
  const std::string now = read_file(log_file);
  ASSERT_TRUE(now.starts_with(log + "\nts=")) << now;
  EXPECT_TRUE(parse_log_line(now.substr(log.size() + 1, now.find('\n', log.size() + 1) - log.size() - 1)));
}

// --- Rotation ---

TEST_F(BrokerLog, after_it_was_renamed_or_deleted_a_hangup_has_the_next_broker_begin_a_new_one) {
  for (const bool deleted : {false, true}) {
    EXPECT_EQ(remove_a_set(), 0);
    const std::string old = read_file(log_file);
    if (deleted) {
      fs::remove(log_file);
    } else {
      fs::rename(log_file, log_file + ".1");
    }
    ASSERT_EQ(::kill(broker_, SIGHUP), 0);
    ASSERT_TRUE(eventually([&] { return find_broker_processes().all().empty(); }));
    if (!deleted) {
      EXPECT_TRUE(read_file(log_file + ".1").starts_with(old));
      EXPECT_TRUE(read_file(log_file + ".1").contains("event=ended detail=\"reload "));
    }
    EXPECT_FALSE(exists(log_file));
    broker_ = serve();
    EXPECT_EQ(remove_a_set(), 0);
    EXPECT_EQ(records().size(), 1U);
  }
}

TEST_F(BrokerLog, on_a_disk_that_became_read_only_stops_no_start_and_its_lines_are_counted) {
  end();
  const std::string place = fs::path(log_file).parent_path();
  ASSERT_EQ(::mount("log", place.c_str(), "tmpfs", 0, "mode=0755"), 0);
  broker_ = serve();
  end();
  const std::string before = read_file(log_file);
  ASSERT_EQ(::mount(nullptr, place.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  (void)system_log();
  begin();
  EXPECT_EQ(system_log(), std::vector<std::string>{
                              "reason=log-unavailable detail=cause=\"gtm_secshr_log: Read-only file system\""});
  const int set = make_set(*maker_);
  EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveSemaphoreSet{set})), 0);
  EXPECT_FALSE(set_exists(set));
  EXPECT_TRUE(eventually([] {
    const auto counters = read_counters("/run/secshr/test/counters");
    return counters && counters->log_lines_lost >= 2;
  }));
  EXPECT_EQ(read_file(log_file), before);
  // When root has seen to it.
  ASSERT_EQ(::mount(nullptr, place.c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  end();
  begin();
  EXPECT_EQ(remove_a_set(), 0);
  EXPECT_EQ(records().size(), 1U);
  end();
  ASSERT_EQ(::umount2(place.c_str(), MNT_DETACH), 0);
  begin();
}

// --- Floods ---

TEST_F(BrokerLog, a_header_that_says_so_already_is_counted_and_no_line) {
  const std::string database = data + "/mumps.dat";
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
  end();
  configure({}, {});
  fs::remove(log_file);
  begin();
  const auto maker_flushes = [&](const protocol::IpcIds& ids) {
    EXPECT_EQ(answer(*maker_, datagram(*maker_, protocol::FlushHeader{ids, database})), 0);
  };
  const protocol::IpcIds ids = ids_of(make_set(*maker_), make_segment(*maker_));
  for (int count = 0; count < 3; ++count) maker_flushes(protocol::closed_ids);
  maker_flushes(ids);
  maker_flushes(ids);
  maker_flushes(protocol::closed_ids);
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  ASSERT_TRUE(eventually([&] { return find_broker_processes().all().empty(); }));
  const auto found = records();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].at("req"), "flush-header-open");
  EXPECT_EQ(found[1].at("req"), "flush-header-close");
  const auto told = events();
  const auto served = std::ranges::find(told, "served", [](const LogRecord& event) { return event.at("event"); });
  ASSERT_NE(served, told.end());
  EXPECT_EQ(served->at("detail"), "unchanged-header 4");
}

TEST_F(BrokerLog, a_flood_of_refusals_leaves_a_log_that_can_be_read_with_every_change_in_it) {
  end();
  configure({},
            "[restrict]\nrefusals_per_second_per_uid = 1000000\nrequests_per_second_per_uid = 1000000\n"
            "requests_per_second = 1000000\n");
  fs::remove(log_file);
  begin();
  const int kept = make_set(*maker_, 0600);
  constexpr int rounds = 20;
  constexpr int refusals = 100;
  for (int round = 0; round < rounds; ++round) {
    for (int count = 0; count < refusals; ++count) {
      EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveSemaphoreSet{kept})), EPERM);
    }
    EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::Ping{})), 0);
    EXPECT_EQ(remove_a_set(), 0);
  }
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  ASSERT_TRUE(eventually([&] { return find_broker_processes().all().empty(); }));
  const auto found = records();
  const auto with = [&](const std::string& verdict) {
    return std::ranges::count_if(found, [&](const LogRecord& record) { return record.at("verdict") == verdict; });
  };
  EXPECT_EQ(with("done"), rounds);
  EXPECT_LE(with("refused"), 120);  // a minute's worth, or two
  std::int64_t withheld = 0;
  std::int64_t answered = 0;
  for (const LogRecord& event : events()) {
    if (event.at("event") == "withheld") {
      withheld += std::stoll(event.at("count"));
      EXPECT_EQ(event.at("uid"), std::to_string(u1));
      EXPECT_TRUE(event.at("detail").starts_with("sem.alter ")) << event.at("detail");
    }
    if (event.at("event") == "served") answered += std::stoll(event.at("count"));
  }
  EXPECT_EQ(with("refused") + withheld, rounds * refusals);
  EXPECT_EQ(answered, rounds);
  // Who reads it is told of every request.
  const Outcome summary = run_as(0, 0, {}, {"/usr/bin/secshrctl", "audit", "test", "--summary"});
  EXPECT_EQ(summary.ending, exited(0)) << summary.errors;
  const std::string all = std::to_string(rounds * (refusals + 2));
  EXPECT_TRUE(summary.output.contains("\n  requests           " + all + " (")) << summary.output;
  EXPECT_TRUE(summary.output.contains("-                     withheld  sem.alter: ")) << summary.output;
}

}  // namespace
}  // namespace secshr::test
