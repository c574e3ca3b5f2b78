// Which files a client can have its ids flushed into: those that it can itself read, under the name by which it can.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/integration/access_control_list.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/race.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class BrokerPaths : public BrokerFlush {
 protected:
  void SetUp() override {
    BrokerFlush::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ids_ = ids_of(make_set(*reader_), make_segment(*reader_));
  }
  // The reader's request for this path.
  void expect(const std::string& path, const Expected& expected) {
    SCOPED_TRACE(path.substr(0, 200));
    (void)expect_answer(*reader_, FlushHeader{ids_, path}, expected);
  }
  // Served, and the file at `really` is the one that has the ids; then as it was.
  void expect_served(const std::string& path, const std::string& really) {
    SCOPED_TRACE(path.substr(0, 200));
    const FileState before = state_of(really);
    (void)expect_answer(*reader_, FlushHeader{ids_, path}, served);
    FileState wanted = before;
    wanted.contents = with_ids(before.contents, ids_);
    EXPECT_EQ(state_of(really), wanted);
    (void)expect_answer(*reader_, FlushHeader{closed_ids, path}, served);
    EXPECT_EQ(state_of(really), before);
  }
  // Refused, and the file at `really` is what it was.
  void expect_refused(const std::string& path, const std::string& really, const Expected& expected) {
    const FileState before = state_of(really);
    expect(path, expected);
    EXPECT_EQ(state_of(really), before);
  }
  static std::string make(const std::string& name, mode_t mode, uid_t uid = u3, gid_t gid = g3) {
    const std::string path = data + "/" + name;
    write_file(path, DatabaseImage{}.text(), mode, uid, gid);
    return path;
  }
  // A POSIX ACL: what one user may do beside the file's own mode of 0600.
  // Read and write for the owner, that for one user, nothing for anybody else.
  static bool give_to(const std::string& path, uid_t user, unsigned permissions) {
    return set_acl(path, {.owner = 6, .named = {{false, user, permissions}}});
  }

  IpcIds ids_;
};

const Expected unreadable = refused(EPERM, "hdr.read");
const Expected no_database = refused(EPERM, "hdr.type");
const Expected missing{ENOENT, "refused", "-"};

// --- What the client can read ---

TEST_F(BrokerPaths, refuses_a_file_whose_mode_keeps_the_client_out) {
  for (const mode_t mode : {0000U, 0400U, 0440U, 0600U, 0660U, 0222U, 0111U}) {
    const std::string path = make("closed.dat", mode);
    expect_refused(path, path, unreadable);
  }
  for (const mode_t mode : {0004U, 0444U, 0644U}) {
    const std::string path = make("open.dat", mode);
    expect_served(path, path);
  }
  // The owner is judged by the owner's bits alone.
  const std::string own = make("own.dat", 0044, u1, g1);
  expect_refused(own, own, unreadable);
}

TEST_F(BrokerPaths, primary_and_supplementary_groups_grant_access_and_no_other_group_does) {
  for (const gid_t group : {g1, shared_group}) {
    const std::string path = make("grouped.dat", 0440, u3, group);
    expect_served(path, path);
  }
  const std::string foreign = make("foreign.dat", 0440, u3, g2);
  expect_refused(foreign, foreign, unreadable);
  // A group can keep out, too.
  const std::string denied = make("denied.dat", 0404, u3, shared_group);
  expect_refused(denied, denied, unreadable);
  // The groups of the broker's own processes are nobody's.
  for (const gid_t group : {gid_t{0}, gid_t{broker_uid}, gid_t{looker_uid}, gid_t{writer_uid}}) {
    const std::string path = make("service.dat", 0440, u3, group);
    expect_refused(path, path, unreadable);
  }
}

TEST_F(BrokerPaths, a_client_with_very_many_groups_is_judged_by_all_of_them) {
  Identity identity = first_user;
  for (gid_t group = 100001; group <= 110000; ++group) identity.groups.push_back(group);
  const auto client = connect(identity);
  const IpcIds ids = ids_of(make_set(*client));
  const std::string last = make("last.dat", 0440, u3, 110000);
  (void)expect_answer(*client, FlushHeader{ids, last}, served);
  const std::string next = make("next.dat", 0440, u3, 110001);
  (void)expect_answer(*client, FlushHeader{ids, next}, unreadable);
}

TEST_F(BrokerPaths, groups_of_one_client_are_not_left_to_the_next) {
  const std::string path = make("grouped.dat", 0440, u3, shared_group);
  const auto stranger = connect({u1, g1, {}});
  for (int round = 0; round < 20; ++round) {
    expect_served(path, path);
    (void)expect_answer(*stranger, FlushHeader{closed_ids, path}, unreadable);
  }
}

TEST_F(BrokerPaths, an_acl_grants_and_denies) {
  const std::string path = make("acl.dat", 0600);
  if (!give_to(path, u1, 4)) SECSHR_SKIP("the file system has no ACLs");
  expect_served(path, path);
  ASSERT_TRUE(give_to(path, u2, 4));
  expect_refused(path, path, unreadable);
  ASSERT_TRUE(give_to(path, u1, 2));
  expect_refused(path, path, unreadable);
}

TEST_F(BrokerPaths, refuses_a_file_in_a_directory_that_the_client_cannot_search) {
  for (const mode_t mode : {0700U, 0750U, 0754U, 0766U}) {
    const std::string path = make("closed/mumps.dat", 0444);
    ASSERT_EQ(::chmod((data + "/closed").c_str(), mode), 0);
    expect_refused(path, path, unreadable);
    // Whether there is such a file is nothing that it may learn.
    expect(data + "/closed/nothing", unreadable);
    ASSERT_EQ(::chmod((data + "/closed").c_str(), 0711), 0);
    expect_served(path, path);
  }
}

TEST_F(BrokerPaths, what_is_not_there_is_not_there) {
  expect(data + "/missing.dat", missing);
  expect(database + "/below", missing);
  expect(data + "/missing/mumps.dat", missing);
}

// --- What it is ---

TEST_F(BrokerPaths, refuses_what_is_no_regular_file_without_touching_it) {
  const std::string fifo = data + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(fifo.c_str(), 0666), 0);
  expect(fifo, no_database);
  expect(data, no_database);
  expect("/", no_database);
  for (const char* const device : {"/dev/null", "/dev/zero", "/dev/tty", "/dev/full"}) expect(device, no_database);
  const std::string socket = data + "/socket";
  Client owner(third_user);
  ASSERT_EQ(::chmod(data.c_str(), 0777), 0);
  ASSERT_EQ(owner.bind(socket), 0);
  ASSERT_EQ(::chmod(socket.c_str(), 0777), 0);
  expect(socket, no_database);
  EXPECT_FALSE(owner.receive(std::chrono::milliseconds(0)).has_value());
}

TEST_F(BrokerPaths, refuses_a_fifo_that_somebody_holds_open_without_waiting) {
  const std::string fifo = data + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  const Descriptor both(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(static_cast<bool>(both));
  const std::string image = DatabaseImage{}.text();
  ASSERT_EQ(::write(both.get(), image.data(), image.size()), static_cast<ssize_t>(image.size()));
  expect(fifo, no_database);
}

TEST_F(BrokerPaths, refuses_the_systems_own_files) {
  write_file("/etc/shadow", "root:!:1:0:99999:7:::\n", 0640);
  expect_refused("/etc/shadow", "/etc/shadow", unreadable);
  expect_refused("/etc/passwd", "/etc/passwd", no_database);
  expect_refused(wrapper, wrapper, no_database);
  expect("/proc/self/maps", no_database);
  expect("/proc/version", no_database);
  expect_refused(lock_file, lock_file, unreadable);
  expect(log_file, unreadable);
}

TEST_F(BrokerPaths, refuses_a_database_that_only_root_may_read_and_one_in_the_place_of_the_systems_secrets) {
  for (const mode_t mode : {0000U, 0400U, 0600U, 0640U}) {
    const std::string path = make("roots.dat", mode, 0, 0);
    expect_refused(path, path, unreadable);
  }
  const std::string secrets = read_file("/etc/shadow");
  write_file("/etc/shadow", DatabaseImage{}.text(), 0640);
  ASSERT_EQ(::symlink("/etc/shadow", (data + "/link").c_str()), 0);
  for (const std::string& path : {std::string("/etc/shadow"), data + "/link"}) {
    expect_refused(path, "/etc/shadow", unreadable);
  }
  write_file("/etc/shadow", secrets, 0640);
  // Root's own that everybody may read is a database like any other.
  const std::string readable = make("roots.dat", 0444, 0, 0);
  expect_served(readable, readable);
}

TEST_F(BrokerPaths, refuses_what_is_no_database_of_a_served_format) {
  const std::string good = DatabaseImage{}.text();
  const auto changed = [&](std::size_t offset, const std::string& bytes) {
    std::string image = good;
    return image.replace(offset, bytes.size(), bytes);
  };
  const std::pair<const char*, std::string> cases[] = {
      {"empty", ""},
      {"one byte", "G"},
      {"label only", label_v7},
      {"one byte short of the ids' end", good.substr(0, 535)},
      {"older format", changed(0, "GDSDYNUNX02")},
      {"later format", changed(0, "GDSDYNUNX05")},
      {"label not ended", changed(11, "x")},
      {"lower case", changed(0, "gdsdynunx04")},
      {"label one byte later", "x" + good},
      {"label, then garbage", label_v7 + std::string(8180, '\xaa')},
      {"label, then nothing", label_v7 + std::string(8180, '\0')},
      {"other byte order", changed(112, std::string("\0\0\0\x1b", 4))},
      {"journal file", "GDSJNL24" + good.substr(8)},
  };
  for (const auto& [name, image] : cases) {
    SCOPED_TRACE(name);
    const std::string path = data + "/file.dat";
    write_file(path, image, 0444);
    expect_refused(path, path, no_database);
  }
  const std::string path = data + "/shortest.dat";
  write_file(path, good.substr(0, 536), 0444);
  expect_served(path, path);
}

TEST_F(BrokerPaths, a_sparse_or_very_large_file_is_an_ordinary_one) {
  const std::string path = make("large.dat", 0444);
  ASSERT_EQ(::truncate(path.c_str(), 1L << 40), 0);
  (void)expect_answer(*reader_, FlushHeader{ids_, path}, served);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 1L << 40);
  ASSERT_EQ(::truncate(path.c_str(), 8192), 0);
  EXPECT_EQ(read_file(path), DatabaseImage{.ids = ids_}.text());
}

// --- The path ---

TEST_F(BrokerPaths, refuses_every_magic_link) {
  // Through descriptors and roots of its own, of the world's first process and of the looker's.
  const int file = reader_->run([path = Text(database)] { return ::open(path.text, O_RDONLY | O_CLOEXEC); });
  ASSERT_GT(file, 2);
  const std::string own = "/proc/" + std::to_string(reader_->pid());
  const std::string number = "/" + std::to_string(file);
  std::vector<std::string> paths{"/proc/self/exe", "/dev/fd" + number, "/proc/self/fd" + number};
  paths.push_back(std::string(own).append("/fd").append(number));
  for (const std::string& process : {own, std::string("/proc/1"), std::string("/proc/self"),
                                     std::string("/proc/thread-self"), std::string("/proc/self/task/1")}) {
    for (const char* const link : {"/root", "/cwd"})
      paths.push_back(std::string(process).append(link).append(database));
  }
  for (const std::string& path : paths) {
    const FileState before = state_of(database);
    const std::size_t records_before = records().size();
    const auto code = answer(*reader_, datagram(*reader_, FlushHeader{ids_, path}));
    // Some are not there when looked for as the client.
    EXPECT_TRUE(code == EPERM || code == ENOENT) << path << " " << code.value_or(-1);
    EXPECT_EQ(state_of(database), before);
    EXPECT_EQ(records().size(), records_before + 1);
  }
  expect_served(database, database);
}

TEST_F(BrokerPaths, a_symbolic_link_is_followed_as_the_client_would) {
  const std::string closed = make("closed.dat", 0400);
  ASSERT_EQ(::chmod(data.c_str(), 01777), 0);
  const auto link_as = [&](const Identity& identity, const std::string& target, const std::string& name) {
    const std::string path = data + "/" + name;
    EXPECT_EQ(as_user(identity, [&] { return ::symlink(target.c_str(), path.c_str()) == 0 ? 0 : errno; }), exited(0));
    return path;
  };
  expect_served(link_as(first_user, database, "good"), database);
  expect_served(link_as(first_user, "mumps.dat", "relative"), database);
  expect_served(link_as(first_user, "../data/mumps.dat", "up"), database);
  expect_refused(link_as(first_user, closed, "bad"), closed, unreadable);
  expect_refused(link_as(first_user, "/etc/passwd", "passwd"), "/etc/passwd", no_database);
  expect(link_as(first_user, "nowhere", "dangling"), missing);
  expect(link_as(first_user, "loop", "loop"), unreadable);
  expect_refused(link_as(first_user, "/proc/self/root" + database, "magic"), database, unreadable);
}

TEST_F(BrokerPaths, a_hard_link_is_the_file_itself) {
  ASSERT_EQ(::link(database.c_str(), (data + "/second").c_str()), 0);
  expect_served(data + "/second", database);
}

TEST_F(BrokerPaths, dots_and_slashes_mean_what_they_mean_to_the_kernel) {
  expect_served("//mnt///test/./data/../data//mumps.dat", database);
  expect_served("/../../.." + database, database);
  expect(database + "/", missing);
  expect(database + "/.", missing);
}

TEST_F(BrokerPaths, that_go_up_are_served_whatever_others_rename_meanwhile) {
  make_directory("/mnt/test/others", 0700, u2, g2);
  write_file("/mnt/test/others/one", "1", 0600, u2, g2);
  write_file("/mnt/test/others/two", "2", 0600, u2, g2);
  const ExchangeLoop renames(second_user, "/mnt/test/others/one", "/mnt/test/others/two");
  for (Race race(40); race.next();) expect_served(data + "/../data/../data/../data/mumps.dat", database);
}

TEST_F(BrokerPaths, refuses_a_path_that_is_relative_or_empty_or_holds_control_bytes) {
  for (const std::string& path :
       {std::string(), std::string("mumps.dat"), std::string("./mumps.dat"), std::string("../data/mumps.dat"),
        database + "\n", database + "\x01", "\x7f" + database, database + "\x7f", "/\x1b[31m" + database,
        std::string(database).append(1, '\0'), database + std::string("\0/etc/passwd", 12)}) {
    const FileState before = state_of(database);
    (void)expect_answer(*reader_, FlushHeader{ids_, path}, malformed);
    EXPECT_EQ(state_of(database), before);
  }
}

TEST_F(BrokerPaths, bytes_above_ascii_blanks_and_quotes_are_ordinary_names_and_stay_one_line_in_the_log) {
  for (const std::string& name : {std::string("\xc3\xa4.dat"), std::string("\xff\xfe"), std::string("a b"),
                                  std::string("\"quoted\""), std::string("back\\slash"), std::string("%n%s{}"),
                                  std::string("\xe2\x80\xae"), std::string("a=b verdict=done")}) {
    const std::string path = make(name, 0444);
    const auto record = expect_answer(*reader_, FlushHeader{ids_, path}, served);
    EXPECT_EQ(record.at("obj"), path);
  }
}

TEST_F(BrokerPaths, the_longest_path_that_the_kernel_takes_is_served_and_one_byte_more_is_not) {
  const auto padded = [&](std::size_t size) {
    std::string path = data;
    while (path.size() + 2 + 10 <= size) path += "/.";
    if (path.size() + 10 < size) path += "/";
    return path + "/mumps.dat";
  };
  for (const std::size_t size :
       {std::size_t{64}, std::size_t{107}, std::size_t{108}, std::size_t{109}, std::size_t{255}, std::size_t{256},
        std::size_t{257}, std::size_t{1023}, std::size_t{1024}, std::size_t{4094}}) {
    ASSERT_EQ(padded(size).size(), size);
    expect_served(padded(size), database);
  }
  ASSERT_EQ(padded(4095).size(), 4095U);
  ASSERT_EQ(padded(4096).size(), 4096U);
  expect_served(padded(4095), database);
  expect_refused(padded(4096), database, unreadable);
  // The longest that a datagram holds, and one more.
  expect_refused("/" + std::string(4098, 'x'), database, unreadable);
  expect_refused("/" + std::string(4099, 'x'), database, malformed);
  expect("/" + std::string(256, 'x'), unreadable);
  expect("/" + std::string(255, 'x'), missing);
}

// --- Roots and namespaces ---

TEST_F(BrokerPaths, a_client_in_its_own_root_gets_its_own_file) {
  // The same path inside and outside.
  const std::string jail = "/mnt/test/jail";
  const std::string inside = jail + database;
  write_file(inside, DatabaseImage{.minor_version = 26}.text(), 0444, u3, g3);
  make_directory(jail + tmp, 01777);
  ASSERT_EQ(::mount(tmp.c_str(), (jail + tmp).c_str(), nullptr, MS_BIND, nullptr), 0);
  fs::create_symlink(database, jail + "/link");
  fs::create_symlink("../../../../../.." + database, jail + "/climb");
  const std::string outside_only = make("outside.dat", 0444);
  {
    Client jailed([&] {
      if (::chroot(jail.c_str()) != 0 || ::chdir("/") != 0) ::_exit(126);
      become(first_user);
    });
    ASSERT_EQ(jailed.bind(tmp + "/" + jailed.socket_name()), 0);
    const FileState outside = state_of(database);
    for (const std::string& path : {database, std::string("/link"), std::string("/climb"), "/../.." + database}) {
      SCOPED_TRACE(path);
      (void)expect_answer(jailed, FlushHeader{ids_, path}, served);
      EXPECT_EQ(read_file(inside), (DatabaseImage{.minor_version = 26, .ids = ids_}.text()));
      (void)expect_answer(jailed, FlushHeader{closed_ids, path}, served);
      EXPECT_EQ(state_of(database), outside);
    }
    (void)expect_answer(jailed, FlushHeader{ids_, outside_only}, missing);
  }
  ASSERT_EQ(::umount((jail + tmp).c_str()), 0);
}

TEST_F(BrokerPaths, a_client_in_its_own_mount_namespace_gets_its_own_file) {
  const std::string other = make("other.dat", 0444);
  const FileState outside = state_of(database);
  Client separate([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(other.c_str(), database.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      ::_exit(126);
    }
    become(first_user);
  });
  ASSERT_EQ(separate.bind(tmp + "/" + separate.socket_name()), 0);
  (void)expect_answer(separate, FlushHeader{ids_, database}, served);
  EXPECT_EQ(state_of(database), outside);
  EXPECT_EQ(read_file(other), DatabaseImage{.ids = ids_}.text());
}

// --- While it goes on ---

TEST_F(BrokerPaths, a_file_that_is_exchanged_all_the_time_is_written_as_one_file_or_not_at_all) {
  // Between a database and a file of root's with the same beginning that the reader cannot read.
  const std::string closed = make("closed.dat", 0400, 0, 0);
  const std::string secret = DatabaseImage{}.text();
  int done = 0;
  int denied = 0;
  int asked = 0;
  {
    const ExchangeLoop exchange({0, 0, {}}, database, closed);
    for (Race race(400); race.next();) {
      asked = race.round();
      const FlushHeader request{asked % 2 != 0 ? ids_ : closed_ids, database};
      const auto code = answer(*reader_, datagram(*reader_, request, static_cast<std::uint64_t>(asked)));
      done += code == 0 ? 1 : 0;
      denied += code == EPERM ? 1 : 0;
    }
  }
  EXPECT_EQ(done + denied, asked);
  EXPECT_GT(done, 0);
  EXPECT_GT(denied, 0);
  for (const std::string& path : {database, closed}) {
    if (state_of(path).uid == 0) {
      EXPECT_EQ(read_file(path), secret) << "a file that the reader cannot read was written";
    }
  }
}

}  // namespace
}  // namespace secshr::test
