// An installation as YottaDB lays it out, and its clients as they are on the wire: what they send is written here
// byte for byte, and what they must get back too. Nothing that makes or reads datagrams for the broker has a part in
// it.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <regex>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/next_number.h"
#include "tests/integration/other_installation.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

// Hexadecimal digits, blanks between them as one likes.
Bytes hex(std::string_view text) {
  Bytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  EXPECT_TRUE(digits.empty()) << text;
  return bytes;
}
// With a text and its NUL behind.
Bytes hex_and_path(std::string_view text, const std::string& path) {
  Bytes bytes = hex(text);
  for (const char c : path) bytes.push_back(static_cast<std::byte>(c));
  bytes.push_back(std::byte{0});
  return bytes;
}
// The times are the kernel's, and all that cannot be written here.
Bytes with_times(Bytes bytes, std::size_t offset, const protocol::IpcIds& ids) {
  std::memcpy(bytes.data() + offset, &ids.sem_ctime, 8);
  std::memcpy(bytes.data() + offset + 8, &ids.shm_ctime, 8);
  return bytes;
}

// What the vectors say: the client, and what it made.
constexpr pid_t client_pid = 3090;  // 120c0000
constexpr pid_t target_pid = 3333;  // 050d0000
constexpr int semid = 98305;        // 01800100
constexpr int shmid = 65538;        // 02000100

const OtherInstallation yottadb{"ydb", protocol::ProfileId::ydb, "/mnt/test/ydb", "YottaDB r2.07 Linux x86_64",
                                0xd834e1cf};
const std::string yottadb_library = yottadb.directory + "/libyottadb.so";
const std::string database = data + "/mumps.dat";

class YottaDB : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!choose_next_pid(client_pid) || !choose_next_semid(semid) || !choose_next_shmid(shmid)) {
      SECSHR_SKIP("numbers of processes and IPC objects cannot be chosen");
    }
    write_file(yottadb.wrapper(), "a stock helper", 04755);
    write_file(yottadb_library, "code, " + yottadb.release + std::string(1, '\0') + ", code");
    fs::create_symlink("libyottadb.so", yottadb.directory + "/libgtmshr.so");
    install_built("tests/sleeper", yottadb.directory + "/yottadb", 0755);
    // Told by its library.
    const Outcome adopted = run_as(0, 0, {}, {"/usr/bin/secshrctl", "adopt", yottadb.directory});
    ASSERT_EQ(adopted.ending, exited(0)) << adopted.errors;
    EXPECT_NE(adopted.output.find("(YottaDB r2.07 Linux x86_64, communication key 0xd834e1cf)"), std::string::npos)
        << adopted.output;
  }
  void TearDown() override {
    client_.reset();
    BrokerTest::TearDown();
  }

  static void start_with(const std::vector<std::string>& environment) {
    Command command{yottadb.wrapper(), {yottadb.wrapper()}, environment, {}};
    EXPECT_EQ(run_as(first_user, command).ending, ending_of(StartStatus::serving));
    (void)wait_for_processes();  // so that nothing but the test makes processes
  }
  // A broker that serves, and the client.
  void begin(const std::string& client_name = "ydb_secshr00000C12") {
    start_with({"ydb_tmp=" + tmp});
    server_ = tmp + "/" + server_names(tmp).at(0);
    EXPECT_TRUE(choose_next_pid(client_pid));
    client_ = std::make_unique<Client>(first_user);
    EXPECT_EQ(client_->pid(), client_pid);
    EXPECT_EQ(client_->bind(tmp + "/" + client_name), 0);
  }
  // Server sockets of whatever profile.
  static std::vector<std::string> server_names(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename();
      if (std::regex_match(name, std::regex("[a-z_]*secshr2E[0-9A-F]{6}"))) names.push_back(name);
    }
    return names;
  }
  void make_objects() {
    EXPECT_TRUE(choose_next_semid(semid) && choose_next_shmid(shmid));
    EXPECT_EQ(make_set(*client_), semid);
    EXPECT_EQ(make_segment(*client_), shmid);
  }
  void expect_reply(const Bytes& datagram, const Bytes& reply) {
    EXPECT_EQ(client_->send(server_, datagram), 0);
    const auto received = client_->receive();
    ASSERT_TRUE(received.has_value());
    EXPECT_EQ(*received, reply);
  }

  std::string server_;
  std::unique_ptr<Client> client_;
};

// --- Where it is served ---

TEST_F(YottaDB, has_a_server_socket_of_its_own_name_for_everybody) {
  begin();
  ASSERT_EQ(server_names(tmp).size(), 1U);
  EXPECT_TRUE(server_names(tmp)[0].starts_with("ydb_secshr2E")) << server_names(tmp)[0];
  EXPECT_EQ(server_, yottadb.server_in(tmp));
  struct stat facts{};
  ASSERT_EQ(::stat(server_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode, S_IFSOCK | 0666U);
}

TEST_F(YottaDB, is_its_groups_where_the_library_is) {
  ASSERT_EQ(::chown(yottadb_library.c_str(), 0, shared_group), 0);
  ASSERT_EQ(::chmod(yottadb_library.c_str(), 0640), 0);
  begin();
  struct stat facts{};
  ASSERT_EQ(::stat(server_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode, S_IFSOCK | 0660U);
  EXPECT_EQ(facts.st_gid, shared_group);
}

TEST_F(YottaDB, looks_for_its_own_variable_first_and_then_for_gtms) {
  const std::string other = "/mnt/test/other";
  make_directory(other, 01777);
  // In either order of the environment.
  start_with({"gtm_tmp=" + other, "ydb_tmp=" + tmp});
  EXPECT_EQ(server_names(tmp).size(), 1U);
  EXPECT_EQ(server_names(other).size(), 0U);
  kill_other_processes();
  remove_tree(yottadb.server_in(tmp));
  start_with({"ydb_tmp=" + other, "gtm_tmp=" + tmp});
  EXPECT_EQ(server_names(other).size(), 1U);
  EXPECT_EQ(server_names(tmp).size(), 0U);
  kill_other_processes();
  start_with({"gtm_tmp=" + tmp});
  EXPECT_EQ(server_names(tmp).size(), 1U);
  EXPECT_EQ(server_names("/tmp").size(), 0U);
  kill_other_processes();
  start_with({});
  EXPECT_EQ(server_names("/tmp").size(), 1U);
}

TEST_F(YottaDB, copies_its_log_to_its_own_variable_first_and_then_to_gtms) {
  const std::string own = "/mnt/test/own-log";
  const std::string gtms = "/mnt/test/gtm-log";
  for (const std::string& directory : {own, gtms}) make_directory(directory, 01777);
  start_with({"gtm_log=" + gtms, "ydb_log=" + own, "ydb_tmp=" + tmp});
  EXPECT_TRUE(exists(own + "/gtm_secshr_log"));
  EXPECT_FALSE(exists(gtms + "/gtm_secshr_log"));
  kill_other_processes();
  start_with({"gtm_log=" + gtms, "ydb_tmp=" + tmp});
  EXPECT_TRUE(exists(gtms + "/gtm_secshr_log"));
}

// --- Requests ---

TEST_F(YottaDB, removal_of_a_semaphore_set) {
  begin();
  make_objects();
  expect_reply(hex("02000000 cfe134d8 deadbeef 120c0000 0100000000000000  01800100"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  EXPECT_FALSE(set_exists(semid));
  // Once more: EINVAL, and a retry has the next number.
  expect_reply(hex("02000000 cfe134d8 00000000 120c0000 0200000000000000  01800100"),
               hex("16000000 cfe134d8 00000000 120c0000 0200000000000000"));
  // One with a byte too many, and one with a byte too few.
  expect_reply(hex("02000000 cfe134d8 01000000 120c0000 0300000000000000  0180010000"),
               hex("16000000 cfe134d8 01000000 120c0000 0300000000000000"));
  expect_reply(hex("02000000 cfe134d8 01000000 120c0000 ffffffffffffffff  018001"),
               hex("16000000 cfe134d8 01000000 120c0000 ffffffffffffffff"));
}

TEST_F(YottaDB, removal_of_a_segment) {
  begin();
  make_objects();
  const auto other = std::make_unique<Client>(second_user);
  ASSERT_EQ(attach(*other, shmid), 0);
  expect_reply(hex("03000000 cfe134d8 deadbeef 120c0000 0100000000000000  02000100"),
               hex("10000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  EXPECT_TRUE(segment_exists(shmid));
  ASSERT_EQ(detach(*other), 0);
  expect_reply(hex("03000000 cfe134d8 deadbeef 120c0000 0200000000000000  02000100"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0200000000000000"));
  EXPECT_FALSE(segment_exists(shmid));
}

TEST_F(YottaDB, removal_of_a_leftover) {
  begin();
  for (const std::string& path : {tmp + "/gtm_mutex003FFFF0", tmp + "/ydb_secshr003FFFF0"}) {
    write_dead_socket(path, u2, g2);
    expect_reply(hex_and_path("04000000 cfe134d8 deadbeef 120c0000 0100000000000000", path),
                 hex("00000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
    EXPECT_FALSE(exists(path)) << path;
  }
  // GT.M's are GT.M's: EPERM.
  const std::string gtms = tmp + "/gtm_secshr003FFFF0";
  write_dead_socket(gtms, u2, g2);
  expect_reply(hex_and_path("04000000 cfe134d8 deadbeef 120c0000 0200000000000000", gtms),
               hex("01000000 cfe134d8 deadbeef 120c0000 0200000000000000"));
  EXPECT_TRUE(exists(gtms));
}

TEST_F(YottaDB, waking_and_continuing) {
  begin();
  const auto is_stopped = [] { return status_of(target_pid).at("State").starts_with('T'); };
  ASSERT_TRUE(choose_next_pid(target_pid));
  const std::string program = yottadb.directory + "/yottadb";
  ASSERT_EQ(start_as(second_user, {program, {"yottadb", "caught"}, {}, {}}).pid(), target_pid);
  ASSERT_TRUE(eventually(is_stopped));
  expect_reply(hex("05000000 cfe134d8 deadbeef 120c0000 0100000000000000  050d0000"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  EXPECT_TRUE(eventually([&] { return !is_stopped(); }));
  expect_reply(hex("01000000 cfe134d8 deadbeef 120c0000 0200000000000000  050d0000"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0200000000000000"));
  EXPECT_EQ(wait_for(target_pid), exited(14));
  // One that has ended is continued, as far as its client is concerned.
  expect_reply(hex("05000000 cfe134d8 deadbeef 120c0000 0300000000000000  050d0000"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0300000000000000"));
  // The client itself, which does not run the installation.
  expect_reply(hex("05000000 cfe134d8 deadbeef 120c0000 0400000000000000  120c0000"),
               hex("01000000 cfe134d8 deadbeef 120c0000 0400000000000000"));
}

TEST_F(YottaDB, ids_go_into_a_database_header_and_out_again) {
  begin();
  make_objects();
  const auto ids = ids_of(semid, shmid);
  const std::string before = DatabaseImage{}.text();
  write_file(database, before, 0444, u3, g3);
  expect_reply(with_times(hex_and_path("06000000 cfe134d8 deadbeef 120c0000 0100000000000000"
                                       "01000000 01800100 02000100 a5a5a5a5"
                                       "0000000000000000 0000000000000000 18000000",
                                       database),
                          40, ids),
               hex("00000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  const Bytes written = with_times(hex("01800100 02000100 0000000000000000 0000000000000000"), 8, ids);
  std::string opened = before;
  opened.replace(512, 24, std::string(reinterpret_cast<const char*>(written.data()), written.size()));
  EXPECT_EQ(read_file(database), opened);
  // Closing: whatever the padding and the first number hold.
  expect_reply(hex_and_path("06000000 cfe134d8 00000000 120c0000 0200000000000000"
                            "00000000 ffffffff ffffffff 00000000"
                            "0000000000000000 0000000000000000 18000000",
                            database),
               hex("00000000 cfe134d8 00000000 120c0000 0200000000000000"));
  EXPECT_EQ(read_file(database), before);
  EXPECT_EQ(read_file(database).substr(512, 24), std::string(8, '\xff') + std::string(16, '\0'));
  // Stand-alone: a set and no segment.
  expect_reply(with_times(hex_and_path("06000000 cfe134d8 deadbeef 120c0000 0300000000000000"
                                       "00000000 01800100 ffffffff 00000000"
                                       "0000000000000000 0000000000000000 18000000",
                                       database),
                          40, ids_of(semid)),
               hex("00000000 cfe134d8 deadbeef 120c0000 0300000000000000"));
  EXPECT_EQ(read_file(database).substr(512, 8), std::string("\x01\x80\x01\x00\xff\xff\xff\xff", 8));
  // Half of a segment is none: EINVAL.
  expect_reply(with_times(hex_and_path("06000000 cfe134d8 deadbeef 120c0000 0400000000000000"
                                       "00000000 01800100 ffffffff 00000000"
                                       "0000000000000000 0000000000000000 18000000",
                                       database),
                          40, ids),
               hex("16000000 cfe134d8 deadbeef 120c0000 0400000000000000"));
}

TEST_F(YottaDB, names_of_databases_that_are_none) {
  begin();
  const std::string close = "00000000 ffffffff ffffffff 00000000 0000000000000000 0000000000000000";
  // There is none: ENOENT.
  expect_reply(hex_and_path("06000000 cfe134d8 deadbeef 120c0000 0100000000000000" + close + "16000000",
                            "/mnt/test/data/missing"),
               hex("02000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  // Longer and shorter than it says, and without its NUL: EINVAL.
  const std::string header = "06000000 cfe134d8 deadbeef 120c0000 0200000000000000";
  for (const std::string& fixed : {close + "15000000", close + "17000000", close + "ffffffff"}) {
    expect_reply(hex_and_path(header + fixed, "/mnt/test/data/missing"),
                 hex("16000000 cfe134d8 deadbeef 120c0000 0200000000000000"));
  }
  Bytes without_nul = hex_and_path("06000000 cfe134d8 deadbeef 120c0000 0300000000000000" + close + "16000000",
                                   "/mnt/test/data/missing");
  without_nul.back() = std::byte{'x'};
  expect_reply(without_nul, hex("16000000 cfe134d8 deadbeef 120c0000 0300000000000000"));
}

TEST_F(YottaDB, keys_and_codes_of_others) {
  begin();
  make_objects();
  // GT.M's key, which comes back.
  expect_reply(hex("02000000 ab3645b5 deadbeef 120c0000 0100000000000000  01800100"),
               hex("01800000 ab3645b5 deadbeef 120c0000 0100000000000000"));
  EXPECT_TRUE(set_exists(semid));
  // No such request; ours, which asks for nothing but an answer; no body at all.
  expect_reply(hex("07000000 cfe134d8 deadbeef 120c0000 0200000000000000  01800100"),
               hex("00800000 cfe134d8 deadbeef 120c0000 0200000000000000"));
  expect_reply(hex("00010000 cfe134d8 deadbeef 120c0000 0300000000000000"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0300000000000000"));
  expect_reply(hex("02000000 cfe134d8 deadbeef 120c0000 efcdab8967452301"),
               hex("16000000 cfe134d8 deadbeef 120c0000 efcdab8967452301"));
  // What says that it is another process: EPERM.
  expect_reply(hex("02000000 cfe134d8 deadbeef 130c0000 0400000000000000  01800100"),
               hex("01000000 cfe134d8 deadbeef 130c0000 0400000000000000"));
  // Less than a header is dropped, and so is one from a socket of GT.M's name.
  EXPECT_EQ(client_->send(server_, hex("02000000 cfe134d8 deadbeef 120c0000 01000000000000")), 0);
  EXPECT_FALSE(client_->receive(silence).has_value());
  const auto gtms = connect(second_user);
  Bytes datagram = hex("02000000 cfe134d8 deadbeef 00000000 0100000000000000  01800100");
  const std::int32_t gtms_pid = gtms->pid();
  std::memcpy(datagram.data() + 12, &gtms_pid, 4);
  EXPECT_EQ(gtms->send(server_, datagram), 0);
  EXPECT_FALSE(gtms->receive(silence).has_value());
  EXPECT_TRUE(set_exists(semid));
}

// Its own name is another user's leftover, and it may not remove that: it has come under the next one.
TEST_F(YottaDB, leftovers_of_its_own_number_go_when_it_has_its_reply) {
  const std::string leftover = tmp + "/ydb_secshr00000C12";
  write_dead_socket(leftover, u2, g2);
  write_dead_socket(leftover + "b", u3, g3);
  begin("ydb_secshr00000C12a");
  make_objects();
  expect_reply(hex("02000000 cfe134d8 deadbeef 120c0000 0100000000000000  01800100"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  EXPECT_TRUE(eventually([&] { return !exists(leftover) && !exists(leftover + "b"); }));
  EXPECT_TRUE(exists(leftover + "a")) << "the one that is used";
}

// --- What monitoring looks for ---

TEST_F(YottaDB, tells_the_system_log_what_it_did_under_its_own_name) {
  begin();
  make_objects();
  const auto ids = ids_of(semid, shmid);
  write_file(database, DatabaseImage{}.text(), 0444, u3, g3);
  const Bytes open = with_times(hex_and_path("06000000 cfe134d8 deadbeef 120c0000 0100000000000000"
                                             "01000000 01800100 02000100 00000000"
                                             "0000000000000000 0000000000000000 18000000",
                                             database),
                                40, ids);
  expect_reply(open, hex("00000000 cfe134d8 deadbeef 120c0000 0100000000000000"));
  expect_reply(hex("03000000 cfe134d8 deadbeef 120c0000 0200000000000000  02000100"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0200000000000000"));
  expect_reply(hex("02000000 cfe134d8 deadbeef 120c0000 0300000000000000  01800100"),
               hex("00000000 cfe134d8 deadbeef 120c0000 0300000000000000"));
  const auto messages = broker_messages(protocol::ProfileId::ydb);
  const auto said = [&](const std::string& text) {
    return std::ranges::any_of(messages, [&](const std::string& each) { return each.starts_with(text); });
  };
  EXPECT_TRUE(said("%YDB-I-GTMSECSHRDMNSTARTED, ")) << testing::PrintToString(messages);
  EXPECT_TRUE(
      said("%YDB-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (/mnt/test/data/mumps.dat) updated "
           "for open"));
  EXPECT_TRUE(said("%YDB-I-GTMSECSHRREMSHM, [client pid 3090] Shared memory segment (65538) removed, nattch = 0"));
  EXPECT_TRUE(said("%YDB-I-GTMSECSHRREMSEM, [client pid 3090] Semaphore (98305) removed"));
  EXPECT_EQ(broker_messages(protocol::ProfileId::gtm), std::vector<std::string>{});
}

}  // namespace
}  // namespace secshr::test
