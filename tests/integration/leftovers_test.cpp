// Leftover socket files: which names are removed for whom, after the answer to a client that came under a suffixed
// name and where a client asks for it.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <set>
#include <vector>

#include "protocol/limits.h"
#include "protocol/wire_header.h"
#include "tests/integration/immutable.h"
#include "tests/integration/process_state.h"
#include "tests/integration/race.h"
#include "tests/integration/removal_fixture.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string letters = "abcdefghijklmnopqrstuvwxyz";

const Expected no_name = refused(EPERM, "sock.name");
const Expected live = refused(EBUSY, "sock.live");
const Expected no_directory = refused(EPERM, "sock.dir");

std::string in(const std::string& directory, const std::string& name) {
  return directory + "/" + name;
}

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

class BrokerLeftovers : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    arrange_directory();
    begin();
  }
  // Before anybody is there.
  virtual void arrange_directory() {}
  void TearDown() override {
    end();
    BrokerTest::TearDown();
  }
  void begin() {
    broker_ = serve();
    asker_ = connect(first_user);
    bystander_ = connect(first_user);
    suffixed_ = std::make_unique<Client>(first_user);
    ASSERT_EQ(suffixed_->bind(name('z')), 0);
  }
  void end() {
    asker_.reset();
    bystander_.reset();
    suffixed_.reset();
  }
  // In `tmp`, of the suffixed client's pid.
  std::string name(char suffix = '\0') {
    return tmp + "/" + Client::name_of(suffixed_->pid(), suffix == '\0' ? "" : std::string(1, suffix));
  }
  // Asked by the client under the suffixed name: the records of what follows its answer. That is over when a leftover
  // is gone which comes after all others; where it cannot go, a while later.
  std::vector<LogRecord> ask(const protocol::Request& request = protocol::Ping{}, int code = 0) {
    const std::string last = name(exists(name('z')) ? 'y' : 'z');
    const bool canary = can_write_ && !exists(last);
    if (canary) write_dead_socket(last, u2, g2);
    const std::size_t before = records().size();
    EXPECT_EQ(answer(*suffixed_, datagram(*suffixed_, request)), code);
    if (canary) {
      const auto gone = [&] { return records().back().at("obj") == last; };
      EXPECT_TRUE(eventually(gone)) << "what comes last stays";
      EXPECT_FALSE(exists(last));
    } else {
      ::usleep(100'000);
    }
    auto made = records();
    EXPECT_GT(made.size(), before);
    made.erase(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(std::min(before + 1, made.size())));
    if (canary && !made.empty()) made.pop_back();
    return made;
  }
  // One leftover, and what comes of it after an answer.
  void expect_gone(const std::string& path) {
    SCOPED_TRACE(path);
    auto names = names_in(tmp);
    const auto made = ask();
    names.erase(fs::path(path).filename());
    EXPECT_EQ(names_in(tmp), names);
    EXPECT_EQ(made.size(), 1U);
    if (made.size() != 1) return;
    EXPECT_EQ(made[0].at("req"), "remove-leftover");
    EXPECT_EQ(made[0].at("obj"), path);
    EXPECT_EQ(made[0].at("verdict"), "done");
    expect_sender(made[0], *suffixed_, first_user);
  }
  // What stays is no refusal and makes no record: nobody asked for it by name.
  void expect_stays(const std::string& path) {
    SCOPED_TRACE(path);
    const auto names = names_in(tmp);
    EXPECT_EQ(ask(), std::vector<LogRecord>{});
    EXPECT_EQ(names_in(tmp), names);
  }
  // The same for one whose removal is asked for.
  static std::string mutex(unsigned pid = 0x1234, const std::string& directory = tmp) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "/gtm_mutex%08X", pid);
    return directory + text.data();
  }
  LogRecord expect_removal(const std::string& path) {
    SCOPED_TRACE(path);
    auto names = names_in(tmp);
    auto record = expect_answer(*asker_, protocol::RemoveFile{path}, served);
    EXPECT_EQ(record.at("req"), "remove-file");
    EXPECT_EQ(record.at("obj"), path);
    EXPECT_EQ(names.erase(fs::path(path).filename()), 1U);
    EXPECT_EQ(names_in(tmp), names);
    return record;
  }
  void expect_no_removal(const std::string& path, const Expected& expected) {
    SCOPED_TRACE(path);
    const auto names = names_in(tmp);
    (void)expect_answer(*asker_, protocol::RemoveFile{path}, expected);
    EXPECT_EQ(names_in(tmp), names);
  }

  pid_t broker_ = -1;
  std::unique_ptr<Client> asker_, bystander_, suffixed_;
  bool can_write_ = true;  // the clients, to the directory
};

// --- The suffix scheme ---

TEST_F(BrokerLeftovers, all_26_leftovers_of_the_clients_pid_are_removed_after_its_answer_and_its_own_name_stays) {
  write_dead_socket(name(), u2, g2);
  for (const char suffix : letters) {
    if (suffix != 'z') write_dead_socket(name(suffix), u2, g2);
  }
  // Which the client cannot do itself.
  EXPECT_EQ(suffixed_->run([path = Text(name())] { return ::unlink(path.text) == 0 ? 0 : errno; }), EPERM);
  const auto made = ask();  // the last of them is what it waits for
  ASSERT_EQ(made.size(), 26U);
  std::set<std::string> removed;
  for (const auto& record : made) {
    EXPECT_EQ(record.at("req"), "remove-leftover");
    EXPECT_EQ(record.at("verdict"), "done");
    EXPECT_EQ(record.at("owner"), std::to_string(u2));
    EXPECT_EQ(record.at("mode"), "0755");
    expect_sender(record, *suffixed_, first_user);
    removed.insert(record.at("obj"));
  }
  EXPECT_EQ(removed.size(), 26U);
  const std::set<std::string> left{fs::path(server_in()).filename(), asker_->socket_name(), bystander_->socket_name(),
                                   fs::path(name('z')).filename()};
  EXPECT_EQ(names_in(tmp), left);
  // The next answer finds nothing, and the plain name is the client's to take.
  EXPECT_TRUE(ask().empty());
  EXPECT_EQ(suffixed_->run([path = Text(name())] {
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_un own = address_of(path.text);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0 ? 0 : errno;
  }),
            0);
}

TEST_F(BrokerLeftovers, under_every_suffix_the_others_are_removed_and_under_the_plain_name_none_is) {
  for (const char suffix : letters) {
    suffixed_ = std::make_unique<Client>(first_user);
    ASSERT_EQ(suffixed_->bind(name(suffix)), 0);
    write_dead_socket(name(), u2, g2);
    expect_gone(name());
    const char another = suffix == 'm' ? 'n' : 'm';
    write_dead_socket(name(another), u2, g2);
    expect_gone(name(another));
  }
  suffixed_ = std::make_unique<Client>(first_user);
  ASSERT_EQ(suffixed_->bind(name()), 0);
  write_dead_socket(name('a'), u2, g2);
  can_write_ = false;
  EXPECT_TRUE(ask().empty());
  EXPECT_TRUE(exists(name('a')));
}

TEST_F(BrokerLeftovers, leftovers_of_root_and_of_the_client_itself_and_of_any_mode_that_its_owner_may_write_go_too) {
  for (const uid_t owner : {0U, u1, u2, u3}) {
    for (const mode_t mode : {0755U, 0777U, 0700U, 0600U, 0200U}) {
      write_dead_socket(name(), owner, owner, mode);
      expect_gone(name());
    }
  }
  // Of root's nobody but root may ask; the list of what is bound says that nobody is.
  for (const mode_t mode : {0500U, 0U}) {
    write_dead_socket(name(), 0, 0, mode);
    expect_gone(name());
  }
  // Whose owner took the right to write from itself: nobody can tell.
  write_dead_socket(name(), u2, g2, 0500);
  expect_stays(name());
}

TEST_F(BrokerLeftovers, live_sockets_of_other_users_and_of_root_stay) {
  for (const uid_t owner : {u2, u1, uid_t{0}}) {
    for (const mode_t mode : {0755U, 0777U, 0500U, 0U}) {
      for (const int type : {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET}) {
        SCOPED_TRACE(testing::Message() << owner << " mode " << std::oct << mode << " type " << type);
        const Descriptor bound = write_live_socket(name(), type, owner, owner, mode);
        expect_stays(name());
      }
    }
  }
  // All of which are leftovers now.
  write_dead_socket(name(), u2, g2);
  expect_gone(name());
}

TEST_F(BrokerLeftovers, a_live_socket_stays_that_listens_or_is_connected_elsewhere_or_shut_down) {
  {
    const Descriptor bound = write_live_socket(name(), SOCK_STREAM, u2, g2);
    ASSERT_EQ(::listen(bound.get(), 1), 0);
    expect_stays(name());
    expect_stays(name());
  }
  {
    const Descriptor bound = write_live_socket(name(), SOCK_DGRAM, u2, g2);
    const sockaddr_un server = address_of(server_in().c_str());
    ASSERT_EQ(::connect(bound.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server), 0);
    expect_stays(name());
    ASSERT_EQ(::shutdown(bound.get(), SHUT_RDWR), 0);
    expect_stays(name());
  }
  expect_gone(name());
}

TEST_F(BrokerLeftovers, a_live_socket_gets_nothing_by_being_looked_at) {
  const Descriptor bound = write_live_socket(name(), SOCK_DGRAM, u2, g2);
  const Descriptor listening = write_live_socket(name('a'), SOCK_STREAM, u2, g2);
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  EXPECT_TRUE(ask().empty());
  std::array<pollfd, 2> both{pollfd{bound.get(), POLLIN, 0}, pollfd{listening.get(), POLLIN, 0}};
  EXPECT_EQ(::poll(both.data(), both.size(), 0), 0);
}

TEST_F(BrokerLeftovers, a_live_socket_that_was_bound_by_a_relative_name_stays) {
  ASSERT_EQ(::chdir(tmp.c_str()), 0);
  const Descriptor bound = write_live_socket(fs::path(name()).filename(), SOCK_DGRAM, 0, 0);
  ASSERT_EQ(::chdir("/"), 0);
  expect_stays(name());
  ASSERT_EQ(::chown(name().c_str(), u2, g2), 0);
  expect_stays(name());
}

// Of root's this cannot be found out: the list of what is bound knows the name that it was bound under.
TEST_F(BrokerLeftovers, a_live_socket_that_was_bound_under_another_name_and_renamed_stays) {
  const Descriptor bound = write_live_socket(tmp + "/prepared", SOCK_DGRAM, u2, g2);
  ASSERT_EQ(::rename((tmp + "/prepared").c_str(), name().c_str()), 0);
  expect_stays(name());
}

TEST_F(BrokerLeftovers, a_live_socket_of_another_network_namespace_stays) {
  Client foreign([] {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(126);
    become(second_user);
  });
  ASSERT_EQ(foreign.run([path = Text(name())] {
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    const sockaddr_un own = address_of(path.text);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0 ? 0 : errno;
  }),
            0);
  expect_stays(name());
  ASSERT_EQ(::kill(foreign.pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !is_running(foreign.pid()); }));
  ASSERT_TRUE(exists(name()));
  expect_gone(name());
}

TEST_F(BrokerLeftovers, names_that_are_not_of_the_grammar_or_of_another_pid_stay) {
  const std::string plain = Client::name_of(suffixed_->pid());
  const std::string digits = plain.substr(plain.size() - 8);
  std::string lower = digits;
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  std::vector<std::string> others{plain + "aa",
                                  plain + "A",
                                  plain + "Z",
                                  plain + "1",
                                  plain + "{",
                                  plain + "`",
                                  plain + "\n",
                                  plain + " ",
                                  plain + ".",
                                  "gtm_secshr" + digits.substr(1),
                                  "gtm_secshr0" + digits,
                                  "gtm_secshr" + digits.substr(1) + "a",
                                  "Gtm_secshr" + digits,
                                  "ydb_secshr" + digits,
                                  "gtm_mutex" + digits,
                                  "gtm_secshr",
                                  Client::name_of(suffixed_->pid() + 1),
                                  Client::name_of(suffixed_->pid() + 1, "a"),
                                  Client::name_of(1),
                                  " " + plain};
  if (lower != digits) others.push_back("gtm_secshr" + lower);
  for (const auto& other : others) write_dead_socket(in(tmp, other), u2, g2);
  write_dead_socket(name('b'), u2, g2);
  expect_gone(name('b'));
  for (const auto& other : others) EXPECT_TRUE(exists(in(tmp, other))) << testing::PrintToString(other);
}

TEST_F(BrokerLeftovers, a_right_name_that_is_no_socket_stays) {
  const auto expect_not_touched = [&] {
    struct stat before{};
    ASSERT_EQ(::lstat(name().c_str(), &before), 0);
    expect_stays(name());
    struct stat after{};
    ASSERT_EQ(::lstat(name().c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
  };
  for (const uid_t owner : {u1, u2, uid_t{0}}) {
    write_file(name(), "a file\n", 0666, owner, owner);
    expect_not_touched();
    EXPECT_EQ(read_file(name()), "a file\n");
    fs::remove(name());
    make_directory(name(), 0777, owner, owner);
    expect_not_touched();
    fs::remove(name());
    ASSERT_EQ(::mkfifo(name().c_str(), 0666), 0);
    ASSERT_EQ(::chown(name().c_str(), owner, owner), 0);
    expect_not_touched();
    fs::remove(name());
  }
  // Links, to what would be removed by itself too.
  write_dead_socket(name('a'), u2, g2);
  ASSERT_EQ(::rename(name('a').c_str(), (tmp + "/elsewhere").c_str()), 0);
  for (const std::string& target : {tmp + "/elsewhere", std::string("elsewhere"), std::string("nowhere")}) {
    fs::create_symlink(target, name());
    ASSERT_EQ(::lchown(name().c_str(), u2, g2), 0);
    expect_not_touched();
    fs::remove(name());
  }
  EXPECT_TRUE(exists(tmp + "/elsewhere"));
  // A device: made, or, where that is not allowed, lent by the machine.
  if (::mknod(name().c_str(), S_IFCHR | 0666, ::makedev(1, 3)) == 0) {
    expect_not_touched();
  } else {
    write_file(name(), "");
    ASSERT_EQ(::mount("/dev/null", name().c_str(), nullptr, MS_BIND, nullptr), 0);
    expect_not_touched();
    ASSERT_EQ(::umount2(name().c_str(), MNT_DETACH), 0);
  }
  fs::remove(name());
  write_dead_socket(name(), u2, g2);
  expect_gone(name());
}

TEST_F(BrokerLeftovers, a_hard_link_to_a_dead_socket_loses_its_own_name_only) {
  write_dead_socket(tmp + "/elsewhere", u2, g2);
  ASSERT_EQ(::link((tmp + "/elsewhere").c_str(), name().c_str()), 0);
  expect_gone(name());
  EXPECT_TRUE(exists(tmp + "/elsewhere"));
  const Descriptor bound = write_live_socket(tmp + "/living", SOCK_DGRAM, u2, g2);
  ASSERT_EQ(::link((tmp + "/living").c_str(), name().c_str()), 0);
  expect_stays(name());
}

// --- The directory ---

TEST_F(BrokerLeftovers, in_a_directory_that_the_client_cannot_write_to_they_stay) {
  write_dead_socket(name(), u2, g2);
  write_dead_socket(mutex(), u2, g2);
  for (const mode_t mode : {0755U, 0775U, 01775U, 0555U, 0711U}) {
    SCOPED_TRACE(mode);
    ASSERT_EQ(::chmod(tmp.c_str(), mode), 0);
    can_write_ = false;
    expect_stays(name());
    expect_no_removal(mutex(), no_directory);
  }
  ASSERT_EQ(::chmod(tmp.c_str(), 01777), 0);
  can_write_ = true;
  expect_gone(name());
  (void)expect_removal(mutex());
}

TEST_F(BrokerLeftovers, in_a_sticky_directory_of_anybodys_they_go_and_in_one_that_is_not_sticky_too) {
  for (const uid_t owner : {u3, u1, u2, uid_t{0}}) {
    for (const mode_t mode : {01777U, 0777U, 01733U}) {
      SCOPED_TRACE(testing::Message() << owner << " mode " << std::oct << mode);
      ASSERT_EQ(::chown(tmp.c_str(), owner, owner), 0);
      ASSERT_EQ(::chmod(tmp.c_str(), mode), 0);
      write_dead_socket(name(), u2, g2);
      expect_gone(name());
      write_dead_socket(mutex(), u2, g2);
      (void)expect_removal(mutex());
    }
  }
}

TEST_F(BrokerLeftovers, on_a_read_only_file_system_they_stay_and_service_goes_on) {
  end();
  kill_other_processes();
  ASSERT_EQ(::mount(tmp.c_str(), tmp.c_str(), nullptr, MS_BIND, nullptr), 0);
  begin();
  write_dead_socket(name(), u2, g2);
  write_dead_socket(mutex(), u2, g2);
  ASSERT_EQ(::mount(nullptr, tmp.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto names = names_in(tmp);
  can_write_ = false;
  for (const auto& record : ask()) EXPECT_NE(record.at("verdict"), "done");
  const auto code = answer(*asker_, datagram(*asker_, protocol::RemoveFile{mutex()}));
  EXPECT_TRUE(code.has_value() && code != 0) << code.value_or(-1);
  EXPECT_EQ(names_in(tmp), names);
  ASSERT_EQ(::mount(nullptr, tmp.c_str(), nullptr, MS_BIND | MS_REMOUNT, nullptr), 0);
  can_write_ = true;
  expect_gone(name());
  (void)expect_removal(mutex());
}

TEST_F(BrokerLeftovers, in_an_immutable_directory_they_stay_and_service_goes_on) {
  write_dead_socket(name(), u2, g2);
  write_dead_socket(mutex(), u2, g2);
  write_dead_socket(mutex(0x3ffff1), 0, 0);
  {
    const Immutable kept(tmp);
    if (!kept.is_set()) SECSHR_SKIP("the file system has no immutable directories");
    can_write_ = false;
    expect_stays(name());
    expect_no_removal(mutex(), no_directory);
    expect_no_removal(mutex(0x3ffff1), no_directory);
    expect_no_removal(server_in(), no_name);
    EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::Ping{})), 0);
  }
  can_write_ = true;
  expect_gone(name());
  (void)expect_removal(mutex());
  (void)expect_removal(mutex(0x3ffff1));
  expect_no_removal(server_in(), no_name);
  expect_serving();
}

// The directory of a group: only as a member of it, by nothing but a supplementary group, can the client write there.
class BrokerGroupDirectory : public BrokerLeftovers {
 protected:
  void arrange_directory() override { make_directory(tmp, 01770, 0, shared_group); }
};

TEST_F(BrokerGroupDirectory, a_removal_that_is_asked_for_is_served_for_a_member_and_for_nobody_else) {
  write_dead_socket(mutex(), u2, g2);
  (void)expect_removal(mutex());
  // Who left the group since it bound its socket may not write there any more.
  write_dead_socket(mutex(), u2, g2);
  Client outsider(Identity{u1, g1, {}});
  const std::string own = tmp + "/" + outsider.socket_name();
  const sockaddr_un address = address_of(own.c_str());
  ASSERT_EQ(::bind(outsider.socket(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::chown(own.c_str(), u1, g1), 0);
  ASSERT_EQ(::chmod(tmp.c_str(), 01771), 0);  // it still gets to the server's socket
  (void)expect_answer(outsider, protocol::RemoveFile{mutex()}, no_directory);
  EXPECT_TRUE(exists(mutex()));
  (void)expect_removal(mutex());
}

TEST_F(BrokerGroupDirectory, leftovers_go_after_each_request_of_stock_clients) {
  const auto maker = connect(second_user);
  const std::string database = data + "/mumps.dat";
  const protocol::Request requests[] = {
      protocol::RemoveSemaphoreSet{make_set(*maker)}, protocol::RemoveSegment{make_segment(*maker)},
      protocol::FlushHeader{protocol::closed_ids, database}, protocol::ContinueProcess{broker_}};
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
  for (const auto& request : requests) {
    SCOPED_TRACE(request.index());
    write_dead_socket(name(), u2, g2);
    const bool refusal = std::holds_alternative<protocol::ContinueProcess>(request);
    const auto made = ask(request, refusal ? EPERM : 0);
    EXPECT_FALSE(exists(name()));
    EXPECT_EQ(made.size(), 1U) << "one record for one leftover";
    (void)::unlink(name().c_str());
  }
}

// --- Each request under a suffixed name ---

TEST_F(BrokerLeftovers, every_request_of_a_suffixed_client_is_answered_and_followed_by_the_removal) {
  const auto maker = connect(second_user);
  const std::string database = data + "/mumps.dat";
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
  const int semid = make_set(*maker);
  const int private_set = make_set(*maker, 0600);
  const int shmid = make_segment(*maker);
  const auto own = protocol::IpcIds(ids_of(make_set(*suffixed_)));
  const std::string asked = mutex();
  write_dead_socket(asked, u2, g2);
  const std::pair<protocol::Request, int> cases[] = {
      {protocol::Ping{}, 0},
      {protocol::RemoveSemaphoreSet{semid}, 0},
      {protocol::RemoveSemaphoreSet{semid}, EINVAL},
      {protocol::RemoveSemaphoreSet{private_set}, EPERM},
      {protocol::RemoveSegment{shmid}, 0},
      {protocol::RemoveSegment{-1}, EINVAL},
      {protocol::FlushHeader{own, database}, 0},
      {protocol::FlushHeader{protocol::closed_ids, database}, 0},
      {protocol::FlushHeader{protocol::closed_ids, "/etc/passwd"}, EPERM},
      {protocol::RemoveFile{asked}, 0},
      {protocol::RemoveFile{asked}, ENOENT},
      {protocol::RemoveFile{"/etc/passwd"}, EPERM},
      {protocol::ContinueProcess{maker->pid()}, EPERM},
      {protocol::ContinueProcess{INT32_MAX}, 0},
      {protocol::Wake{maker->pid()}, EPERM},
      {protocol::Wake{0}, EINVAL}};
  for (const auto& [request, code] : cases) {
    SCOPED_TRACE(testing::Message() << "request " << request.index() << " code " << code);
    write_dead_socket(name(), u2, g2);
    write_dead_socket(name('a'), 0, 0);
    EXPECT_EQ(ask(request, code).size(), 2U);
    EXPECT_FALSE(exists(name()));
    EXPECT_FALSE(exists(name('a')));
    EXPECT_TRUE(exists(name('z')));
  }
  EXPECT_FALSE(set_exists(semid));
  EXPECT_TRUE(set_exists(private_set));
  EXPECT_FALSE(segment_exists(shmid));
  EXPECT_EQ(read_file(database), DatabaseImage{}.text());
}

TEST_F(BrokerLeftovers, a_request_that_waits_for_a_looker_keeps_its_leftovers_until_its_answer) {
  const auto lookers = wait_for_processes().lookers;
  write_dead_socket(name(), u2, g2);
  const auto maker = connect(second_user);
  const int semid = make_set(*maker);
  stop(lookers);
  ASSERT_EQ(suffixed_->send(server_in(), datagram(*suffixed_, protocol::RemoveSemaphoreSet{semid})), 0);
  EXPECT_FALSE(suffixed_->receive(silence).has_value());
  EXPECT_TRUE(exists(name()));
  resume(lookers);
  EXPECT_TRUE(suffixed_->receive().has_value());
  EXPECT_TRUE(eventually([&] { return !exists(name()); }));
  EXPECT_FALSE(set_exists(semid));
}

TEST_F(BrokerLeftovers, a_sender_under_another_pids_suffixed_name_removes_nothing) {
  // The name says which leftovers go; so it must be the sender's own.
  Client impostor(first_user);
  ASSERT_EQ(impostor.bind(name('y')), 0);
  write_dead_socket(name(), u2, g2);
  (void)expect_dropped(impostor, datagram(impostor, protocol::Ping{}), "sock.name");
  EXPECT_TRUE(exists(name()));
  // Nor does it help to claim the pid.
  ASSERT_EQ(impostor.send(server_in(), datagram(*suffixed_, protocol::Ping{})), 0);
  expect_serving();
  EXPECT_TRUE(exists(name()));
  EXPECT_FALSE(suffixed_->receive(std::chrono::milliseconds(0)).has_value());
}

TEST_F(BrokerLeftovers, leftovers_in_a_directory_of_a_hundred_thousand_files_cost_no_time_and_the_client_goes_on) {
  for (int number = 0; number < 100'000; ++number) {
    const Descriptor file(
        ::open((tmp + "/file" + std::to_string(number)).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
  }
  for (const char suffix : letters) {
    if (suffix < 'y') write_dead_socket(name(suffix), u2, g2);
  }
  write_dead_socket(name(), 0, 0);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(ask().size(), 25U);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(500));
  EXPECT_EQ(answer(*suffixed_, datagram(*suffixed_, protocol::Ping{}, 2)), 0);
  EXPECT_TRUE(exists(tmp + "/file0"));
}

// --- A removal that is asked for ---

TEST_F(BrokerLeftovers, removes_dead_sockets_of_the_grammar_and_says_whose) {
  for (const uid_t owner : {u2, u1, uid_t{0}}) {
    for (const std::string& path :
         {mutex(), mutex(4194303), mutex(4194304), tmp + "/" + Client::name_of(4194304, "a"),
          tmp + "/" + Client::name_of(4194302)}) {
      write_dead_socket(path, owner, owner);
      const auto record = expect_removal(path);
      EXPECT_EQ(record.at("owner"), std::to_string(owner));
      EXPECT_EQ(record.at("mode"), "0755");
      expect_sender(record, *asker_, first_user);
    }
  }
  // And again there is nothing.
  expect_no_removal(mutex(), {ENOENT, "refused", "-"});
}

// It may be about to bind it: see names_of_the_living_test.cpp.
TEST_F(BrokerLeftovers, a_socket_that_is_named_after_a_process_that_lives_stays) {
  const auto other = connect(third_user);
  const auto pid = static_cast<unsigned>(other->pid());
  write_dead_socket(mutex(pid), u2, g2);
  expect_no_removal(mutex(pid), live);
  write_dead_socket(mutex(pid), 0, 0);
  expect_no_removal(mutex(pid), live);
  ASSERT_EQ(::kill(other->pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !is_running(other->pid()); }));
  (void)expect_removal(mutex(pid));
}

TEST_F(BrokerLeftovers, refuses_to_remove_names_that_are_not_of_the_grammar) {
  const std::string victims[] = {"gtm_mutex",
                                 "gtm_mutex1234",
                                 "gtm_mutex0001234",
                                 "gtm_mutex000001234",
                                 "gtm_mutex0000123a",
                                 "gtm_mutex00001234a",
                                 "gtm_mutex00000000",
                                 "gtm_mutexFFFFFFFF",
                                 "gtm_mutex00400001",
                                 "gtm_secshr1234",
                                 "gtm_secshr00001234aa",
                                 "gtm_secshr00001234A",
                                 "gtm_secshr0000abcd",
                                 "ydb_mutex00001234",
                                 "mutex00001234",
                                 "gtm_mutex00001234 ",
                                 "precious"};
  for (const auto& victim : victims) {
    write_dead_socket(in(tmp, victim), u2, g2);
    expect_no_removal(in(tmp, victim), no_name);
  }
  expect_no_removal(server_in(), no_name);
  expect_no_removal(tmp, no_name);
  expect_no_removal(tmp + "/", no_name);
  expect_no_removal(tmp + "/.", no_name);
  expect_no_removal(tmp + "/..", no_name);
  expect_no_removal("/", no_name);
}

TEST_F(BrokerLeftovers, refuses_to_remove_in_any_directory_but_the_one_that_the_client_names_its_own_socket_in) {
  const std::string component = fs::path(mutex()).filename();
  write_dead_socket(mutex(), u2, g2);
  make_directory("/mnt/test/elsewhere", 01777);
  const std::string elsewhere = "/mnt/test/elsewhere/" + component;
  write_dead_socket(elsewhere, u2, g2);
  const std::vector<std::string> directories{
      "/mnt/test/elsewhere",   "/tmp",          "", tmp + "/", tmp + "/.", tmp + "/../tmp", "/" + tmp, tmp + "/x/..",
      "/proc/self/root" + tmp, "/proc/self/cwd"};
  for (const auto& directory : directories) {
    const std::string path = in(directory, component);
    expect_no_removal(path, no_name);
  }
  // Neither a relative one nor one with control bytes is a path at all.
  for (const std::string& path : {component, "./" + component, in(tmp, component + "\n"), std::string("x")}) {
    expect_no_removal(path, malformed);
  }
  EXPECT_TRUE(exists(elsewhere));
  (void)expect_removal(mutex());
  // By another name of the directory, for one who has its socket under that.
  fs::create_symlink(tmp, "/mnt/test/alias");
  Client by_alias(first_user);
  ASSERT_EQ(by_alias.bind("/mnt/test/alias/" + by_alias.socket_name()), 0);
  write_dead_socket(mutex(), u2, g2);
  (void)expect_answer(by_alias, protocol::RemoveFile{mutex()}, no_name);
  EXPECT_TRUE(exists(mutex()));
  (void)expect_answer(by_alias, protocol::RemoveFile{"/mnt/test/alias/" + component}, served);
  EXPECT_FALSE(exists(mutex()));
}

TEST_F(BrokerLeftovers, refuses_to_remove_what_is_live_or_no_socket) {
  for (const uid_t owner : {u2, u1, uid_t{0}}) {
    for (const mode_t mode : {0755U, 0777U, 0500U, 0U}) {
      for (const int type : {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET}) {
        const Descriptor bound = write_live_socket(mutex(), type, owner, owner, mode);
        expect_no_removal(mutex(), live);
      }
    }
  }
  expect_no_removal(tmp + "/" + bystander_->socket_name(), live);
  expect_no_removal(tmp + "/" + asker_->socket_name(), live);
  write_file(mutex(), "a file\n", 0666, u1, g1);
  expect_no_removal(mutex(), no_name);
  fs::remove(mutex());
  fs::create_symlink(tmp + "/" + Client::name_of(1), mutex());
  write_dead_socket(tmp + "/" + Client::name_of(1), u2, g2);
  expect_no_removal(mutex(), no_name);
  fs::remove(mutex());
  write_dead_socket(mutex(), u2, g2);
  (void)expect_removal(mutex());
}

TEST_F(BrokerLeftovers, refuses_to_remove_a_directory_a_fifo_or_a_device_whoever_owns_it) {
  for (const uid_t owner : {u1, u2, uid_t{0}}) {
    make_directory(mutex(), 0777, owner, owner);
    expect_no_removal(mutex(), no_name);
    fs::remove(mutex());
    ASSERT_EQ(::mkfifo(mutex().c_str(), 0666), 0);
    ASSERT_EQ(::chown(mutex().c_str(), owner, owner), 0);
    expect_no_removal(mutex(), no_name);
    fs::remove(mutex());
    for (const mode_t kind : {mode_t{S_IFCHR}, mode_t{S_IFBLK}}) {
      if (::mknod(mutex().c_str(), kind | 0666, ::makedev(1, 3)) != 0) {
        // Where that is not allowed, one is lent by the machine.
        write_file(mutex(), "");
        ASSERT_EQ(::mount("/dev/null", mutex().c_str(), nullptr, MS_BIND, nullptr), 0);
        expect_no_removal(mutex(), no_name);
        ASSERT_EQ(::umount2(mutex().c_str(), MNT_DETACH), 0);
      } else {
        ASSERT_EQ(::chown(mutex().c_str(), owner, owner), 0);
        expect_no_removal(mutex(), no_name);
      }
      fs::remove(mutex());
    }
  }
  write_dead_socket(mutex(), u2, g2);
  (void)expect_removal(mutex());
}

TEST_F(BrokerLeftovers, refuses_to_remove_by_a_path_that_is_empty_not_ended_holds_a_nul_or_is_too_long) {
  write_dead_socket(mutex(), u2, g2);
  const auto names = names_in(tmp);
  const Bytes good = datagram(*asker_, protocol::RemoveFile{mutex()});
  std::vector<Bytes> wrong;
  // Without its NUL, with another byte in its place, with something behind it.
  wrong.push_back(good);
  wrong.back().pop_back();
  wrong.push_back(good);
  wrong.back().back() = std::byte{'x'};
  wrong.push_back(good);
  wrong.back().push_back(std::byte{0});
  wrong.push_back(good);
  wrong.back().push_back(std::byte{'x'});
  // Nothing but the NUL, and a NUL within, before and after which a path could begin.
  wrong.push_back(good);
  wrong.back().resize(protocol::header_size);
  wrong.back().push_back(std::byte{0});
  for (const std::size_t place :
       {std::size_t{0}, std::size_t{1}, tmp.size(), good.size() - protocol::header_size - 2}) {
    wrong.push_back(good);
    wrong.back().at(protocol::header_size + place) = std::byte{0};
  }
  for (std::size_t index = 0; index < wrong.size(); ++index) {
    SCOPED_TRACE(index);
    (void)expect_answer(*asker_, wrong[index], malformed);
  }
  // Up to the longest that a request may name, the name decides; one byte more is none.
  for (const std::size_t size :
       {107U, 108U, 109U, 255U, 256U, 4095U, 4096U, static_cast<unsigned>(protocol::maximum_path)}) {
    SCOPED_TRACE(size);
    const std::string path = "/" + std::string(size - 1, 'x');
    (void)expect_answer(*asker_, protocol::RemoveFile{path}, no_name);
    const std::string padded = std::string(size - mutex().size(), '/') + mutex();
    (void)expect_answer(*asker_, protocol::RemoveFile{padded}, no_name);
  }
  const std::string too_long = "/" + std::string(protocol::maximum_path, 'x');
  (void)expect_answer(*asker_, protocol::RemoveFile{too_long}, malformed);
  EXPECT_EQ(names_in(tmp), names);
  (void)expect_answer(*asker_, good, served);
  EXPECT_FALSE(exists(mutex()));
}

TEST_F(BrokerLeftovers, a_sender_whose_name_ends_in_any_letter_in_another_directory_has_nothing_removed_there) {
  const std::string elsewhere = "/mnt/test/elsewhere";
  make_directory(elsewhere, 01777);
  for (const char letter : letters) {
    Client client(letter % 2 == 0 ? first_user : third_user);
    const std::string plain = client.socket_name();
    const std::string own = plain + letter;
    // Beside it, of another user and of root; and under the same name in the served directory.
    write_dead_socket(in(elsewhere, plain), u2, g2);
    write_dead_socket(in(elsewhere, plain + (letter == 'q' ? 'r' : 'q')), 0, 0);
    write_dead_socket(in(tmp, plain), u2, g2);
    ASSERT_EQ(client.bind(in(elsewhere, own)), 0);
    const auto before = names_in(elsewhere);
    const std::size_t recorded = records().size();
    ASSERT_EQ(client.send(server_in(), datagram(client, protocol::Ping{})), 0);
    // It has no socket of its own where it is served, so that nothing at all is done for it.
    EXPECT_TRUE(eventually([&] { return records().size() == recorded + 1; }));
    EXPECT_EQ(records().back().at("verdict"), "dropped");
    EXPECT_TRUE(exists(in(tmp, plain)));
    EXPECT_EQ(names_in(elsewhere), before);
    EXPECT_FALSE(client.receive(std::chrono::milliseconds(0)).has_value());
    ASSERT_EQ(::unlink(in(tmp, plain).c_str()), 0);
    remove_tree(elsewhere);
    make_directory(elsewhere, 01777);
  }
  EXPECT_TRUE(names_in(elsewhere).empty());
}

TEST_F(BrokerLeftovers, refuses_a_client_whose_ids_differ_and_one_of_another_ipc_namespace) {
  write_dead_socket(mutex(), u2, g2);
  Client mixed([] {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(g1, g1, g1) != 0 || ::setresuid(u1, u1, u2) != 0) ::_exit(126);
  });
  ASSERT_EQ(mixed.bind(tmp + "/" + mixed.socket_name()), 0);
  (void)expect_answer(mixed, protocol::RemoveFile{mutex()}, refused(EPERM, "peer.mixed"));
  Client foreign([] {
    if (::unshare(CLONE_NEWIPC) != 0) ::_exit(126);
    become(first_user);
  });
  ASSERT_EQ(foreign.bind(tmp + "/" + foreign.socket_name()), 0);
  (void)expect_answer(foreign, protocol::RemoveFile{mutex()}, refused(EPERM, "peer.namespace"));
  EXPECT_TRUE(exists(mutex()));
  (void)expect_removal(mutex());
}

// --- Races ---

// The second user exchanges names all the time: a dead socket of its own under the right name, and something else
// under another. Whatever has the right name at the moment of the removal is all that can vanish.
class BrokerNameRace : public BrokerLeftovers {
 protected:
  static constexpr int least_rounds = 600;
  inline static const std::string other = tmp + "/precious";

  // Returns how often it was removed.
  int race() {
    auto names = names_in(tmp);
    names.erase(fs::path(mutex()).filename());
    int removed = 0;
    int kept = 0;
    {
      const ExchangeLoop exchange(second_user, mutex(), other);
      for (Race race(least_rounds); race.next() && !HasFailure();) {
        // The name is missing only after a removal, and then nothing is exchanged.
        if (!exists(mutex())) write_dead_socket(mutex(), u2, g2);
        const auto code = answer(
            *asker_, datagram(*asker_, protocol::RemoveFile{mutex()}, static_cast<std::uint64_t>(race.round())));
        if (code == 0) ++removed;
        if (code != 0) ++kept;
        EXPECT_TRUE(code == 0 || code == EPERM || code == EBUSY || code == EISDIR || code == ENOENT)
            << code.value_or(-1);
        EXPECT_TRUE(exists(other));
      }
    }
    auto now = names_in(tmp);
    now.erase(fs::path(mutex()).filename());
    EXPECT_EQ(now, names);
    EXPECT_GT(kept, 0) << "the exchange was never met";
    return removed;
  }
};

TEST_F(BrokerNameRace, with_a_file_of_the_same_user_no_other_name_vanishes) {
  write_file(other, "precious\n", 0644, u2, g2);
  write_dead_socket(mutex(), u2, g2);
  EXPECT_GT(race(), 0);
}

TEST_F(BrokerNameRace, with_a_directory_the_directory_stays) {
  make_directory(other, 0755, u2, g2);
  write_file(other + "/within", "precious\n", 0644, u2, g2);
  write_dead_socket(mutex(), u2, g2);
  (void)race();
  const bool there = exists(other + "/within") || exists(mutex() + "/within");
  EXPECT_TRUE(there);
}

TEST_F(BrokerNameRace, with_a_hard_link_to_another_users_file_that_file_stays) {
  const std::string victim = data + "/victim";
  write_file(victim, "precious\n", 0666, u3, g3);
  // On one file system with `tmp`, so that the link is possible whatever protected_hardlinks says: root makes it.
  ASSERT_EQ(::link(victim.c_str(), other.c_str()), 0);
  make_directory(tmp, 0777);  // not sticky: the second user may rename what is not its own
  write_dead_socket(mutex(), u2, g2);
  (void)race();
  EXPECT_EQ(read_file(victim), "precious\n");
}

TEST_F(BrokerNameRace, with_a_symbolic_link_its_target_stays) {
  const std::string victim = data + "/victim";
  write_file(victim, "precious\n", 0666, u3, g3);
  fs::create_symlink(victim, other);
  ASSERT_EQ(::lchown(other.c_str(), u2, g2), 0);
  write_dead_socket(mutex(), u2, g2);
  (void)race();
  EXPECT_EQ(read_file(victim), "precious\n");
}

// The served directory, or one above it, is exchanged with another that has the same names in it.
class BrokerDirectoryRace : public BrokerNameRace, public testing::WithParamInterface<const char*> {
 protected:
  inline static const std::string above = "/mnt/test/above";
  inline static const std::string served_directory = above + "/served";
  void TearDown() override {
    asker_in_.reset();
    BrokerNameRace::TearDown();
  }
  std::unique_ptr<Client> asker_in_;
};

TEST_P(BrokerDirectoryRace, nothing_of_the_other_directory_vanishes) {
  end();
  kill_other_processes();
  make_directory(above);
  make_directory(served_directory, 01777);
  (void)serve(first_user, served_directory);
  asker_in_ = connect(first_user, served_directory);
  const std::string exchanged = GetParam() == std::string("itself") ? served_directory : above;
  const std::string stage = exchanged == above ? "/mnt/test/stage/served" : above + "/stage";
  make_directory(stage, 01777);
  const std::string other_name = exchanged == above ? "/mnt/test/stage" : stage;
  write_dead_socket(mutex(0x1234, stage), u2, g2);
  write_file(stage + "/precious", "precious\n", 0644, u2, g2);
  const auto before = names_in(stage);
  const std::string path = mutex(0x1234, served_directory);
  // Through a descriptor, so that the server is reached whatever its directory is called at the moment.
  const int directory =
      asker_in_->run([name = Text(served_directory)] { return ::open(name.text, O_PATH | O_CLOEXEC); });
  ASSERT_GE(directory, 0);
  const std::string server =
      "/proc/self/fd/" + std::to_string(directory) + server_in(served_directory).substr(served_directory.size());
  const auto send = [&](int round) {
    const Bytes bytes = datagram(*asker_in_, protocol::RemoveFile{path}, static_cast<std::uint64_t>(round));
    ASSERT_EQ(asker_in_->send(server, bytes), 0);
    while (asker_in_->receive(std::chrono::milliseconds(0)).has_value()) continue;
  };
  {
    const ExchangeLoop exchange({0, 0, {}}, exchanged, other_name);
    for (Race race(least_rounds); race.next() && !HasFailure();) send(race.round());
  }
  if (!exists(server_in(served_directory))) {
    ASSERT_EQ(::renameat2(AT_FDCWD, exchanged.c_str(), AT_FDCWD, other_name.c_str(), RENAME_EXCHANGE), 0);
  }
  expect_serving(served_directory);
  EXPECT_EQ(names_in(stage), before);
  // What is in the served directory itself is removed for the same request.
  write_dead_socket(path, u2, g2);
  send(0);
  EXPECT_TRUE(eventually([&] { return !exists(path); }));
  EXPECT_EQ(names_in(stage), before);
}

INSTANTIATE_TEST_SUITE_P(Exchanged, BrokerDirectoryRace, testing::Values("itself", "above"),
                         [](const auto& information) { return std::string(information.param); });

}  // namespace
}  // namespace secshr::test
