// secshrctl stranded on real sets and segments of several users: those of the dead are listed, those of the living
// are not, and nothing is ever changed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>

#include "protocol/server_key.h"
#include "tests/integration/admin/admin_fixture.h"
#include "tests/integration/client.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"
#include "tests/support/semaphore_argument.h"

namespace secshr::test {
namespace {

constexpr uid_t owner = 3001;

// One line each, with everything that a look could change.
std::string ipc_state() {
  return read_file("/proc/sysvipc/shm") + read_file("/proc/sysvipc/sem");
}

key_t key_of_database(const std::string& file) {
  const struct stat status = status_of(file);
  return static_cast<key_t>(protocol::database_key(status.st_dev, status.st_ino));
}

int make_keyed_set(Client& client, key_t key) {
  return client.run([key] { return ::semget(key, 3, IPC_CREAT | 0666); });
}
int set_value(Client& client, int semid, int member, int value) {
  return client.run([=] {
    SemaphoreArgument argument{};
    argument.value = value;
    return ::semctl(semid, member, SETVAL, argument) == 0 ? 0 : errno;
  });
}

class Stranded : public AdminTest {
 protected:
  static inline const std::string database = "/mnt/test/db/demo.dat";

  static std::unique_ptr<Client> user(uid_t uid = owner) { return std::make_unique<Client>(Identity{uid, uid, {}}); }
  // What a killed process leaves: a segment, a set, a set of the file's key, and a header that names the first two.
  struct Left {
    int segment = -1;
    int set = -1;
    int key_set = -1;
    pid_t pid = 0;
  };
  static Left leave_database(const std::string& file = database) {
    Left left;
    const auto client = user();
    left.pid = client->pid();
    left.segment = make_segment(*client);
    EXPECT_EQ(attach(*client, left.segment), 0);
    left.set = make_set(*client);
    EXPECT_EQ(set_value(*client, left.set, 2, 0x2b), 0);
    DatabaseImage image;
    image.ids = ids_of(left.set, left.segment);
    write_file(file, image.text(), 0644, owner, owner);
    left.key_set = make_keyed_set(*client, key_of_database(file));
    EXPECT_EQ(operate_on(*client, left.key_set), 0);
    return left;
  }
  nlohmann::json json(const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> all{"stranded", "--json"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const std::string before = ipc_state();
    status_ = run(all);
    EXPECT_EQ(ipc_state(), before) << "a look changes nothing";
    return nlohmann::json::parse(said());
  }
  // The ids of kind and of all that is listed as nobody's.
  std::vector<int> unknown(const std::string& kind, const std::vector<std::string>& arguments = {}) {
    std::vector<int> ids;
    const auto shown = json(arguments);
    for (const auto& object : shown["unknown"]) {
      if (object["kind"] == kind) ids.push_back(object["id"].get<int>());
    }
    return ids;
  }
  static std::string without_times(const std::string& text) {
    return std::regex_replace(text, std::regex("[0-9]{4}-[0-9-]{5}T[0-9:]{8}Z"), "TIME");
  }
  int status_ = -1;
};
using Ids = std::vector<int>;

TEST_F(Stranded, is_nothing_on_a_machine_that_nobody_uses) {
  EXPECT_EQ(run({"stranded"}), 0) << complaint();
  EXPECT_EQ(said(), "Nothing is stranded.\n");
  EXPECT_EQ(run({"stranded", "--json"}), 0);
  EXPECT_EQ(said(), "{\n  \"databases\": [],\n  \"unknown\": [],\n  \"not_looked_at\": []\n}\n");
}

TEST_F(Stranded, database_is_named_with_the_command_that_is_safe) {
  const Left left = leave_database();
  const std::string before = ipc_state();
  EXPECT_EQ(run({"stranded", database}), 1) << complaint();
  const auto key = static_cast<std::uint32_t>(key_of_database(database));
  EXPECT_EQ(without_times(said()),
            fmt::format("{0}\n"
                        "  {1:<18} 4096 bytes, owner 3001, creator 3001, mode 0666, key 0x00000000\n"
                        "                     changed TIME, used TIME, by process {4}, now ended\n"
                        "  {2:<18} 3 members, owner 3001, creator 3001, mode 0666, key 0x00000000\n"
                        "                     changed TIME, used never, by process {4}, now ended\n"
                        "  {3:<18} 3 members, owner 3001, creator 3001, mode 0666, key 0x{5:08x}\n"
                        "                     changed TIME, used TIME, by process {4}, now ended\n"
                        "  run                mupip rundown -file {0}\n"
                        "                     as uid 3001, with the environment of the installation\n",
                        database, fmt::format("segment {}", left.segment), fmt::format("semaphore set {}", left.set),
                        fmt::format("semaphore set {}", left.key_set), left.pid, key));
  EXPECT_EQ(ipc_state(), before) << "nothing was removed, attached to or operated on";

  const auto shown = json({"--in", "/mnt/test"});
  EXPECT_EQ(status_, 1);
  ASSERT_EQ(shown["databases"].size(), 1U) << shown;
  EXPECT_EQ(shown["databases"][0]["file"], database);
  EXPECT_EQ(shown["databases"][0]["owner"], owner);
  EXPECT_EQ(shown["databases"][0]["format"], "V7");
  EXPECT_EQ(shown["databases"][0]["command"], "mupip rundown -file " + database);
  EXPECT_EQ(shown["databases"][0]["objects"].size(), 3U);
  EXPECT_EQ(shown["unknown"].size(), 0U);

  // Without the file they are nobody's, and no command is said.
  EXPECT_EQ(run({"stranded"}), 1);
  EXPECT_EQ(said().find("mupip"), std::string::npos) << said();
  EXPECT_EQ(said().find("ipcrm"), std::string::npos) << said();
  EXPECT_EQ(unknown("segment"), Ids{left.segment});
  EXPECT_EQ(unknown("semaphore-set"), (Ids{left.set, left.key_set}));
}

TEST_F(Stranded, is_no_segment_while_its_creator_or_anybody_attached_lives) {
  auto creator = user();
  auto other = user(3002);
  const int segment = make_segment(*creator);
  EXPECT_EQ(unknown("segment"), Ids{}) << "its creator lives";
  ASSERT_EQ(attach(*other, segment), 0);
  creator.reset();
  EXPECT_EQ(unknown("segment"), Ids{}) << "another is attached";
  ASSERT_EQ(detach(*other), 0);
  EXPECT_EQ(unknown("segment"), Ids{}) << "the last who was attached lives";
  other.reset();
  EXPECT_EQ(unknown("segment"), Ids{segment});
  EXPECT_EQ(status_, 1);
}

TEST_F(Stranded, is_no_set_while_any_of_those_who_operated_last_lives_or_waits) {
  auto one = user();
  auto other = user(3002);
  const int set = make_set(*one);
  EXPECT_EQ(unknown("semaphore-set"), Ids{}) << "nobody has operated on it: who made it is not known";
  ASSERT_EQ(operate_on(*one, set), 0);
  ASSERT_EQ(set_value(*other, set, 1, 7), 0);
  one.reset();
  EXPECT_EQ(unknown("semaphore-set"), Ids{}) << "the one of member 1 lives";
  other.reset();
  EXPECT_EQ(unknown("semaphore-set"), Ids{set});

  auto waiting = user();
  waiting->start([set] {
    sembuf operation{2, -1, 0};
    return ::semop(set, &operation, 1);
  });
  while (::semctl(set, 2, GETNCNT) != 1) ::usleep(1000);
  EXPECT_EQ(unknown("semaphore-set"), Ids{}) << "somebody waits for it";
  waiting.reset();
  EXPECT_EQ(unknown("semaphore-set"), Ids{set});
}

TEST_F(Stranded, is_no_set_of_a_database_that_counts_a_process) {
  auto client = user();
  const int set = make_set(*client);
  ASSERT_EQ(set_value(*client, set, 2, 0x2b), 0);
  ASSERT_EQ(set_value(*client, set, 1, 1), 0);
  client.reset();
  EXPECT_EQ(unknown("semaphore-set"), Ids{});
  auto last = user();
  ASSERT_EQ(set_value(*last, set, 1, 0), 0);
  last.reset();
  EXPECT_EQ(unknown("semaphore-set"), Ids{set});
}

TEST_F(Stranded, is_no_database_that_somebody_has_open) {
  const Left left = leave_database();
  auto client = user(3002);
  ASSERT_EQ(attach(*client, left.segment), 0);
  EXPECT_EQ(json({database})["databases"].size(), 0U);
  EXPECT_EQ(status_, 0) << "nor are its sets anybody's: " << said();
  client.reset();
  EXPECT_EQ(json({database})["databases"].size(), 1U);
}

TEST_F(Stranded, object_that_only_has_the_id_in_a_header_is_not_that_databases) {
  const Left left = leave_database();
  DatabaseImage image;
  image.ids = ids_of(left.set, left.segment);
  image.ids.shm_ctime += 1;
  image.ids.sem_ctime -= 1;
  write_file(database, image.text(), 0644, owner, owner);  // another inode, too
  EXPECT_EQ(json({database})["databases"].size(), 0U);
  EXPECT_EQ(status_, 1);
  EXPECT_EQ(unknown("segment", {database}), Ids{left.segment});
}

TEST_F(Stranded, database_is_told_from_its_copy) {
  (void)leave_database();
  std::filesystem::copy_file(database, "/mnt/test/db/backup.dat");
  const auto shown = json({"--in", "/mnt/test/db"})["databases"];
  ASSERT_EQ(shown.size(), 1U) << shown;
  EXPECT_EQ(shown[0]["file"], database);
  EXPECT_EQ(shown[0]["copies"], nlohmann::json({"/mnt/test/db/backup.dat"}));
}

TEST_F(Stranded, database_below_a_directory_is_found_among_traps) {
  (void)leave_database("/mnt/test/db/a/b/c/deep it's.dat");
  std::filesystem::create_symlink("/mnt/test/db/a", "/mnt/test/db/link");
  std::filesystem::create_symlink("..", "/mnt/test/db/a/up");
  ASSERT_EQ(::mkfifo("/mnt/test/db/fifo", 0666), 0);
  write_file("/mnt/test/db/short.dat", label_v7);
  write_file("/mnt/test/db/empty.dat", "");
  const auto shown = json({"--in", "/mnt/test/db"});
  EXPECT_EQ(status_, 1);
  ASSERT_EQ(shown["databases"].size(), 1U) << shown;
  EXPECT_EQ(shown["databases"][0]["file"], "/mnt/test/db/a/b/c/deep it's.dat");
  EXPECT_EQ(shown["databases"][0]["command"], "mupip rundown -file '/mnt/test/db/a/b/c/deep it'\\''s.dat'");
  EXPECT_EQ(shown["not_looked_at"].size(), 0U);
}

TEST_F(Stranded, says_what_it_could_not_look_at) {
  write_file("/mnt/test/db/text", "text");
  EXPECT_EQ(run({"stranded", "/mnt/test/db/text", "/mnt/test/db/none", "/mnt/test/db", "--in", "/mnt/test/nowhere"}),
            4);
  EXPECT_EQ(said(),
            "Not looked at: /mnt/test/db/text: is no database file of GT.M or YottaDB\n"
            "Not looked at: /mnt/test/db/none: No such file or directory\n"
            "Not looked at: /mnt/test/db: is no regular file\n"
            "Not looked at: /mnt/test/nowhere: No such file or directory\n"
            "Nothing is stranded.\n");
  EXPECT_EQ(run({"stranded", "--in", "/mnt"}), 0) << said();
  EXPECT_EQ(run({"stranded", "--in", "/mnt/test/db", "--in", "/mnt/test"}), 0) << said();
}

TEST_F(Stranded, object_of_a_process_whose_number_another_has_now_is_found) {
  auto client = user();
  const int segment = make_segment(*client);
  const pid_t pid = client->pid();
  client.reset();
  // A new process gets the number.
  ::sleep(4);
  std::ofstream("/proc/sys/kernel/ns_last_pid") << pid - 1 << std::flush;
  const auto impostor = user();
  if (impostor->pid() != pid) SECSHR_SKIP("the kernel does not let us choose a pid");
  EXPECT_EQ(unknown("segment"), Ids{segment});
}

TEST_F(Stranded, object_of_another_pid_namespace_is_not_judged) {
  auto client = user();
  const int segment = make_segment(*client);
  const int set = make_set(*client);
  ASSERT_EQ(operate_on(*client, set), 0);
  const std::vector<std::string> from_elsewhere{"/usr/bin/unshare",   "--pid",   "--fork", "--mount-proc",
                                                "/usr/bin/secshrctl", "stranded"};
  const Outcome living = run_as(0, 0, {}, from_elsewhere);
  EXPECT_EQ(living.ending, exited(0)) << living.output << living.errors;
  EXPECT_EQ(living.output, "Nothing is stranded.\n");
  client.reset();
  EXPECT_EQ(unknown("segment"), Ids{segment}) << "the control: here it can be judged";
}

TEST_F(Stranded, is_roots_alone) {
  EXPECT_EQ(run_unprivileged({"stranded"}), 4);
  EXPECT_NE(complaint().find("must be run as root"), std::string::npos);
}

}  // namespace
}  // namespace secshr::test
