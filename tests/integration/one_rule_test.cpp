// The one rule against the kernel's own verdict: for every relation that a client can have to an object, and every
// permission that the object can have, the client first tries by itself what gives access to the object's contents,
// and then asks the broker. The two may not disagree once.
#include <fcntl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "secshr/limits.h"
#include "tests/integration/access_control_list.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

constexpr uid_t owner = 71101, creator = 71102, listed_user = 71103, complete_stranger = 71104;
constexpr gid_t owners_group = 72101, creators_group = 72102, listed_group = 72103, strange_group = 72104;

struct Someone {
  const char* relation;
  Identity identity;
};
// To objects of that owner, creator and group, with access control lists that name the listed user and group.
const std::vector<Someone> everybody{
    {"owner", {owner, strange_group, {}}},
    {"owner in the group", {owner, owners_group, {owners_group}}},
    {"creator", {creator, strange_group, {}}},
    {"creator in both groups", {creator, creators_group, {owners_group}}},
    {"group", {complete_stranger, owners_group, {}}},
    {"creator's group", {complete_stranger, creators_group, {}}},
    {"supplementary group", {complete_stranger, strange_group, {owners_group}}},
    {"supplementary creator's group", {complete_stranger, strange_group, {72199, creators_group}}},
    {"other", {complete_stranger, strange_group, {}}},
    {"other in other groups", {complete_stranger, strange_group, {72198, 72199}}},
    {"other in root's group", {complete_stranger, 0, {0}}},
    {"listed user", {listed_user, strange_group, {}}},
    {"listed user in the group", {listed_user, owners_group, {}}},
    {"listed group", {complete_stranger, listed_group, {}}},
    {"supplementary listed group", {complete_stranger, strange_group, {listed_group}}},
    {"group and listed group", {complete_stranger, owners_group, {listed_group}}},
};

// All that a table has shown: without grants and refusals it has compared nothing.
struct RuleTally {
  int granted = 0;
  int refused = 0;
};

class OneRule : public BrokerTest {
 protected:
  inline static const std::string program = distribution + "/mumps";
  inline static const std::string plain = "/mnt/test/plain/mumps";

  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // Before the start: the broker knows the programs that it saw then.
    install_built("tests/sleeper", program, 0755);
    install_built("tests/sleeper", plain, 0755);
    broker_ = serve();
    for (const Someone& someone : everybody) clients_.push_back(connect(someone.identity));
  }
  void TearDown() override {
    clients_.clear();
    BrokerTest::TearDown();
  }

  // `by_itself`: whether the kernel let the client.
  void compare(std::size_t index, bool by_itself, const protocol::Request& request, const char* rule) {
    expect(index, request, by_itself ? served : refused(EPERM, rule));
  }
  void expect(std::size_t index, const protocol::Request& request, const Expected& expected) {
    Client& client = *clients_[index];
    const auto code = answer(client, datagram(client, request, ++sequence_));
    ASSERT_TRUE(code) << everybody[index].relation;
    EXPECT_EQ(*code, expected.code) << everybody[index].relation;
    expected_.push_back(expected);
    if (expected_.size() % (limits::routine_lines_waiting / 2) == 0) settle_log();
    ++(expected.code == 0 ? tally_.granted : tally_.refused);
  }
  // One record for each, in order, that says the same.
  void expect_recorded() {
    const auto found = records();
    ASSERT_EQ(found.size(), expected_.size());
    for (std::size_t index = 0; index < found.size(); ++index) {
      ASSERT_EQ(found[index].at("rule"), expected_[index].rule) << index;
      ASSERT_EQ(found[index].at("verdict"), expected_[index].verdict) << index;
    }
    EXPECT_GT(tally_.granted, 0);
    EXPECT_GT(tally_.refused, 0);
  }
  Client& client(std::size_t index) { return *clients_[index]; }

 private:
  pid_t broker_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::uint64_t sequence_ = 0;
  std::vector<Expected> expected_;
  RuleTally tally_;
};

// Every combination of these digits as a mode.
std::vector<unsigned> modes_of(std::span<const unsigned> digits) {
  std::vector<unsigned> modes;
  for (const unsigned user : digits) {
    for (const unsigned group : digits) {
      for (const unsigned other : digits) modes.push_back(user << 6 | group << 3 | other);
    }
  }
  return modes;
}

// --- Semaphore sets and segments ---

// Whose an object is; where root is one of the two, root made it for somebody or was given it. What is root's alone
// stays, whoever may do what with it.
struct Owners {
  uid_t uid, cuid;
  [[nodiscard]] bool root_alone() const { return uid == 0 && cuid == 0; }
};
constexpr std::array<Owners, 4> owners{Owners{owner, creator}, Owners{owner, 0}, Owners{0, creator}, Owners{0, 0}};

struct Sets {
  using Request = protocol::RemoveSemaphoreSet;
  static constexpr const char* rule = "sem.alter";
  // Who operated last says the kernel to those alone who may read the set: where nobody may, nobody can tell.
  static Expected granted(unsigned mode) { return (mode & 0444) != 0 ? served : refused(EBUSY, "sem.lastop"); }
  static int make() { return ::semget(IPC_PRIVATE, 3, 0600); }
  static void give(int id, uid_t uid, unsigned mode) { give_set(id, uid, owners_group, mode); }
  static bool exists(int id) { return set_exists(id); }
  static void remove(int id) { remove_set(id); }
  static bool reaches(Client& client, int id) {
    return client.run([id] {
      union {
        int value;
        semid_ds* set;
      } argument{};
      return ::semctl(id, 0, SETVAL, argument) == 0 ? 0 : errno;
    }) == 0;
  }
};
struct SharedMemory {
  using Request = protocol::RemoveSegment;
  static constexpr const char* rule = "shm.rw";
  static Expected granted(unsigned) { return served; }
  static int make() { return ::shmget(IPC_PRIVATE, 4096, 0600); }
  static void give(int id, uid_t uid, unsigned mode) { give_segment(id, uid, owners_group, mode); }
  static bool exists(int id) { return segment_exists(id); }
  static void remove(int id) { remove_segment(id); }
  static bool reaches(Client& client, int id) {
    return client.run([id] {
      void* const start = ::shmat(id, nullptr, 0);
      if (reinterpret_cast<std::intptr_t>(start) == -1) return errno;
      return ::shmdt(start) == 0 ? 0 : errno;
    }) == 0;
  }
};

template <typename Kind>
class OneRuleIpc : public OneRule {
 protected:
  static int make(const Owners& whose, unsigned mode) {
    int id = -1;
    {
      const ActingAs as_creator(whose.cuid, creators_group);
      EXPECT_TRUE(as_creator.ok());
      id = Kind::make();
    }
    EXPECT_GE(id, 0);
    Kind::give(id, whose.uid, mode);
    return id;
  }
};
using ContentKinds = testing::Types<Sets, SharedMemory>;
struct ContentKindNames {
  template <typename Kind>
  static std::string GetName(int) {
    return std::is_same_v<Kind, Sets> ? "sets" : "segments";
  }
};
TYPED_TEST_SUITE(OneRuleIpc, ContentKinds, ContentKindNames);

TYPED_TEST(OneRuleIpc, is_removed_for_exactly_those_whom_the_kernel_lets_change_its_contents) {
  constexpr std::array<unsigned, 4> digits{0, 2, 4, 6};
  for (const Owners& whose : owners) {
    for (const unsigned mode : modes_of(digits)) {
      SCOPED_TRACE(testing::Message() << "mode " << std::oct << mode << std::dec << " uid " << whose.uid << " cuid "
                                      << whose.cuid);
      int id = this->make(whose, mode);
      for (std::size_t index = 0; index < everybody.size(); ++index) {
        const bool reaches = TypeParam::reaches(this->client(index), id);
        const Expected expected = whose.root_alone() ? refused(EPERM, "ipc.root")
                                  : reaches          ? TypeParam::granted(mode)
                                                     : refused(EPERM, TypeParam::rule);
        this->expect(index, typename TypeParam::Request{id}, expected);
        ASSERT_EQ(TypeParam::exists(id), expected.code != 0) << everybody[index].relation;
        if (expected.code == 0) id = this->make(whose, mode);
      }
      TypeParam::remove(id);
      if (testing::Test::HasFailure()) return;
    }
  }
  this->expect_recorded();
}

// --- Files and directories ---

// Permissions with and without an access control list, where each entry either has `right` or has not, besides
// `always`.
std::vector<AccessControlList> lists_of(unsigned right, unsigned always) {
  std::vector<AccessControlList> lists;
  for (unsigned bits = 0; bits < 1U << 6; ++bits) {
    const auto digit = [&](unsigned bit) { return always | ((bits >> bit & 1U) != 0 ? right : 0); };
    const std::vector<NamedEntry> named{{false, listed_user, digit(4)}, {true, listed_group, digit(5)}};
    lists.push_back({digit(0), digit(1), digit(2), digit(3), named});
  }
  return lists;
}

class OneRuleFile : public OneRule {
 protected:
  // Calls `look` with the path in every state of its permissions, as owned by a user and by root.
  template <typename Look>
  static void with_every_permission(const std::string& path, unsigned right, unsigned always, mode_t also,
                                    Look look) {
    const auto lists = lists_of(right, always);
    const std::array<unsigned, 2> digits{always, always | right};
    for (const uid_t uid : {owner, uid_t{0}}) {
      ASSERT_EQ(::chown(path.c_str(), uid, owners_group), 0);
      for (const unsigned mode : modes_of(digits)) {
        SCOPED_TRACE(testing::Message() << "mode " << std::oct << mode << std::dec << " uid " << uid);
        ASSERT_EQ(::chmod(path.c_str(), mode | also), 0);
        look();
        if (HasFailure()) return;
      }
      for (const AccessControlList& list : lists) {
        SCOPED_TRACE(testing::Message() << "owner " << list.owner << " group " << list.group << " other "
                                        << list.other << " mask " << list.mask << " user "
                                        << list.named[0].permissions << " group " << list.named[1].permissions
                                        << " uid " << uid);
        if (!set_acl(path, list)) SECSHR_SKIP("the file system has no ACLs");
        look();
        if (HasFailure()) return;
      }
      ASSERT_TRUE(remove_acl(path));
    }
  }
};

// With objects of its own, which it opens the header with.
TEST_F(OneRuleFile, a_header_is_opened_and_closed_for_exactly_those_whom_the_kernel_lets_read_the_file) {
  const std::string path = data + "/mumps.dat";
  const std::string closed = DatabaseImage().text();
  write_file(path, closed, 0600);
  std::vector<protocol::IpcIds> ids;
  ids.reserve(everybody.size());
  for (std::size_t index = 0; index < everybody.size(); ++index) {
    ids.push_back(ids_of(make_set(client(index), 0600), make_segment(client(index), 0600)));
  }
  with_every_permission(path, 4, 0, 0, [&] {
    for (std::size_t index = 0; index < everybody.size(); ++index) {
      const bool reaches = client(index).run([path = Text(path)] {
        const int file = ::open(path.text, O_RDONLY | O_CLOEXEC);
        if (file < 0) return errno;
        return ::close(file) == 0 ? 0 : errno;
      }) == 0;
      compare(index, reaches, protocol::FlushHeader{ids[index], path}, "hdr.read");
      ASSERT_EQ(read_file(path), reaches ? with_ids(closed, ids[index]) : closed) << everybody[index].relation;
      compare(index, reaches, protocol::FlushHeader{protocol::closed_ids, path}, "hdr.read");
      ASSERT_EQ(read_file(path), closed) << everybody[index].relation;
    }
  });
  expect_recorded();
}

TEST_F(OneRuleFile, a_leftover_is_removed_for_exactly_those_whom_the_kernel_lets_write_to_the_directory) {
  const std::string leftover = tmp + "/" + Client::name_of(4000000);
  // Whoever may not search the directory cannot ask. With the sticky bit and without.
  for (const mode_t sticky : {01000U, 0U}) {
    with_every_permission(tmp, 2, 1, sticky, [&] {
      for (std::size_t index = 0; index < everybody.size(); ++index) {
        write_dead_socket(leftover, 71999, 72999);
        const bool reaches = client(index).run([path = Text(tmp + "/by-itself")] {
          const int file = ::open(path.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
          if (file < 0) return errno;
          (void)::close(file);
          return ::unlink(path.text) == 0 ? 0 : errno;
        }) == 0;
        compare(index, reaches, protocol::RemoveFile{leftover}, "sock.dir");
        ASSERT_EQ(exists(leftover), !reaches);
      }
    });
  }
  expect_recorded();
}

// --- Processes ---

TEST_F(OneRule, a_process_is_reached_for_what_it_is_and_never_for_who_asks) {
  const auto start_sleeper = [](const std::string& path) {
    const pid_t pid = start_as({owner, owners_group, {}}, {path, {"mumps", "caught"}, {}, {}}).pid();
    EXPECT_TRUE(eventually([pid] { return status_of(pid).at("State").starts_with('T'); }));
    return pid;
  };
  const pid_t not_ours = start_sleeper(plain);
  for (std::size_t index = 0; index < everybody.size(); ++index) {
    const pid_t ours = start_sleeper(program);
    for (const pid_t pid : {ours, not_ours}) {
      compare(index, pid == ours, protocol::ContinueProcess{pid}, "proc.install");
      compare(index, pid == ours, protocol::Wake{pid}, "proc.install");
    }
    // It ends when it is woken.
    EXPECT_TRUE(eventually([ours] { return !is_running(ours); })) << everybody[index].relation;
  }
  EXPECT_TRUE(status_of(not_ours).at("State").starts_with('T'));
  expect_recorded();
}

}  // namespace
}  // namespace secshr::test
