// Removing semaphore sets and segments: whose permissions count, as what the broker acts, and what is left alone.
// What holds for both kinds.
#include <sched.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <functional>

#include "tests/integration/next_number.h"
#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

template <typename Kind>
class IpcRemoval : public BrokerRemoval {
 protected:
  // Made by `maker`, with that owner's group and mode.
  static int make(Client& maker, uid_t owner, gid_t group, unsigned mode) {
    const int id = Kind::make(maker, 0600);
    Kind::give(id, owner, group, mode);
    return id;
  }
  int of_maker(unsigned mode, gid_t group = g2) { return make(*maker_, u2, group, mode); }
  // Root's own: this process made it.
  static int of_root(unsigned mode, uid_t owner = 0) {
    int id = -1;
    if constexpr (std::is_same_v<Kind, SemaphoreSets>) {
      id = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    } else {
      id = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    }
    EXPECT_GE(id, 0);
    Kind::give(id, owner, 0, mode);
    return id;
  }
  static void removes(Client& client, int id) { BrokerRemoval::expect_removed<Kind>(client, id); }
  static void keeps(Client& client, int id, const Expected& expected) {
    BrokerRemoval::expect_kept<Kind>(client, id, expected);
  }
  // The next object that is made gets this id; false where the kernel cannot do that.
  static bool choose_next_id(int id) {
    return std::is_same_v<Kind, SemaphoreSets> ? choose_next_semid(id) : choose_next_shmid(id);
  }
  static Expected forbidden() { return refused(EPERM, Kind::rule); }
};

using Kinds = testing::Types<SemaphoreSets, Segments>;
struct KindNames {
  template <typename Kind>
  static std::string GetName(int) {
    return std::is_same_v<Kind, SemaphoreSets> ? "sets" : "segments";
  }
};
TYPED_TEST_SUITE(IpcRemoval, Kinds, KindNames);

// --- Permissions ---

TYPED_TEST(IpcRemoval, refuses_what_another_application_made_for_itself_and_what_the_client_may_only_read) {
  constexpr unsigned enough = TypeParam::enough;
  for (const unsigned mode : {0600U, 0644U, 0640U, 0660U, 0660U | TypeParam::too_little, 0770U, 0U}) {
    SCOPED_TRACE(mode);
    this->keeps(*this->asker_, this->of_maker(mode), this->forbidden());
  }
  for (const unsigned mode : {0600U | enough, 0400U | enough, 0666U, 0777U}) {
    SCOPED_TRACE(mode);
    this->removes(*this->asker_, this->of_maker(mode));
  }
}

TYPED_TEST(IpcRemoval, a_supplementary_group_that_owns_or_made_it_is_enough_and_one_that_does_not_is_not) {
  constexpr unsigned by_group = TypeParam::enough << 3;
  // The owner's group.
  this->removes(*this->asker_, this->of_maker(0600 | by_group, shared_group));
  this->keeps(*this->stranger_, this->of_maker(0600 | by_group, shared_group), this->forbidden());
  this->keeps(*this->asker_, this->of_maker(0600 | TypeParam::too_little << 3, shared_group), this->forbidden());
  // The creator's group.
  Client of_group(Identity{u2, shared_group, {}});
  this->removes(*this->asker_, this->make(of_group, u2, g2, 0600 | by_group));
  this->keeps(*this->stranger_, this->make(of_group, u2, g2, 0600 | by_group), this->forbidden());
  // The primary group.
  this->removes(*this->asker_, this->of_maker(0600 | by_group, g1));
}

TYPED_TEST(IpcRemoval, the_first_class_that_fits_decides_as_in_the_kernel) {
  // A member of the group may not do what anybody else may; and the owner and the creator may not, either.
  this->keeps(*this->asker_, this->of_maker(0606, shared_group), this->forbidden());
  this->removes(*this->stranger_, this->of_maker(0606, shared_group));
  this->keeps(*this->maker_, this->of_maker(0066, shared_group), this->forbidden());
  this->keeps(*this->maker_, this->make(*this->maker_, u3, g3, 0066), this->forbidden());
  this->removes(*this->maker_, this->of_maker(0600));
  // What one user made and gave to another is both users'.
  this->removes(*this->maker_, this->make(*this->maker_, u3, g3, 0600));
  this->removes(*this->stranger_, this->make(*this->maker_, u3, g3, 0600));
  this->keeps(*this->asker_, this->make(*this->maker_, u3, g3, 0600), this->forbidden());
}

TYPED_TEST(IpcRemoval, groups_of_one_client_are_not_left_to_the_next) {
  constexpr unsigned by_group = TypeParam::enough << 3;
  for (int round = 0; round < 20; ++round) {
    this->removes(*this->asker_, this->of_maker(0600 | by_group, shared_group));
    this->keeps(*this->stranger_, this->of_maker(0600 | by_group, shared_group), this->forbidden());
  }
}

TYPED_TEST(IpcRemoval, a_client_with_as_many_groups_as_are_looked_at_is_judged_by_all_and_with_one_more_is_refused) {
  constexpr gid_t first = 100000;
  constexpr gid_t last = first + 4095;
  Identity identity = third_user;
  for (gid_t group = first; group <= last; ++group) identity.groups.push_back(group);
  const auto client = this->connect(identity);
  constexpr unsigned by_group = TypeParam::enough << 3;
  this->removes(*client, this->of_maker(0600 | by_group, last));
  this->keeps(*client, this->of_maker(0600 | by_group, last + 1), this->forbidden());
  identity.groups.push_back(last + 1);
  const auto with_more = this->connect(identity);
  this->keeps(*with_more, this->of_maker(0600 | by_group, first), refused(EPERM, "peer.mixed"));
}

// --- Root ---

TYPED_TEST(IpcRemoval, refuses_what_root_owns_and_made_whatever_its_mode) {
  for (const unsigned mode : {0777U, 0666U, 0600U}) {
    this->keeps(*this->asker_, this->of_root(mode), refused(EPERM, "ipc.root"));
  }
}

TYPED_TEST(IpcRemoval, removes_what_root_made_for_somebody_and_what_somebody_made_for_root) {
  this->removes(*this->asker_, this->of_root(0666, u2));
  this->removes(*this->asker_, this->make(*this->maker_, 0, 0, 0666));
  this->keeps(*this->asker_, this->of_root(0600, u2), this->forbidden());
  this->keeps(*this->asker_, this->make(*this->maker_, 0, 0, 0600), this->forbidden());
  // Also where that somebody is the client itself, who could do it alone.
  this->removes(*this->asker_, this->of_root(0600, u1));
  this->removes(*this->maker_, this->make(*this->maker_, 0, 0, 0600));
}

TYPED_TEST(IpcRemoval, with_allow_root_objects_removes_roots_and_the_broker_is_not_root_afterwards) {
  this->end();
  this->configure("allow_root_objects = true\n");
  this->begin();
  this->removes(*this->asker_, this->of_root(0666));
  this->keeps(*this->asker_, this->of_root(0600), this->forbidden());
  this->removes(*this->asker_, this->of_maker(0666));
  const std::string four = std::to_string(broker_uid) + " " + std::to_string(broker_uid) + " " +
                           std::to_string(broker_uid) + " " + std::to_string(broker_uid);
  const auto status = status_of(this->broker_);
  EXPECT_EQ(status.at("Uid"), four);
  EXPECT_EQ(status.at("Gid"), four);
  EXPECT_EQ(status.at("CapEff"), "0000000000000000");
}

// --- Ids ---

TYPED_TEST(IpcRemoval, an_id_of_nothing_is_einval_and_so_is_one_of_the_other_kind) {
  for (const int id : {-1, 12345, INT_MAX, INT_MIN, 31}) this->keeps(*this->asker_, id, malformed);
  // The other kind's, at a place where this kind has nothing.
  const auto now = all_ipc_objects();
  if constexpr (std::is_same_v<TypeParam, SemaphoreSets>) {
    const int other = now.segments.rbegin()->first;
    ASSERT_FALSE(now.sets.contains(other));
    this->keeps(*this->asker_, other, malformed);
    EXPECT_TRUE(segment_exists(other));
  } else {
    int other = -1;
    while (other <= now.segments.rbegin()->first) other = make_set(*this->maker_);
    this->keeps(*this->asker_, other, malformed);
    EXPECT_TRUE(set_exists(other));
  }
}

TYPED_TEST(IpcRemoval, an_id_whose_place_another_object_has_taken_is_einval_and_the_other_stays) {
  const int id = this->of_maker(0666);
  this->removes(*this->asker_, id);
  this->keeps(*this->asker_, id, malformed);
  // The same place, with another number in front of it.
  if (!this->choose_next_id(id + 32768)) SECSHR_SKIP("ids cannot be chosen");
  const int taken = this->of_maker(0666);
  ASSERT_EQ(taken, id + 32768);
  this->keeps(*this->asker_, id, malformed);
  this->removes(*this->asker_, taken);
}

TYPED_TEST(IpcRemoval, an_id_that_another_object_got_while_the_client_was_looked_at_is_judged_as_that_object) {
  const auto lookers = wait_for_processes().lookers;
  const auto ask_while = [&](int id, const std::function<void()>& change) {
    stop(lookers);
    EXPECT_EQ(this->asker_->send(this->server_in(), this->datagram(*this->asker_, typename TypeParam::Request{id})),
              0);
    EXPECT_FALSE(this->asker_->receive(silence).has_value());
    TypeParam::remove(id);
    EXPECT_TRUE(this->choose_next_id(id));
    change();
    resume(lookers);
    const auto reply = this->asker_->receive();
    return reply ? static_cast<int>(reply->at(0)) : -1;
  };
  const auto exists_now = [](int id) {
    auto now = all_ipc_objects();
    return TypeParam::of(now).contains(id);
  };
  const int id = this->of_maker(0666);
  if (!this->choose_next_id(id + 32768)) SECSHR_SKIP("ids cannot be chosen");
  // Another user's that it may not alter, root's, and one that it may.
  EXPECT_EQ(ask_while(id, [&] { EXPECT_EQ(this->make(*this->stranger_, u3, g3, 0600), id); }), EPERM);
  EXPECT_TRUE(exists_now(id));
  EXPECT_EQ(ask_while(id, [&] { EXPECT_EQ(this->of_root(0666), id); }), EPERM);
  EXPECT_TRUE(exists_now(id));
  EXPECT_EQ(ask_while(id, [&] { EXPECT_EQ(this->make(*this->stranger_, u3, g3, 0666), id); }), 0);
  EXPECT_FALSE(exists_now(id));
}

TYPED_TEST(IpcRemoval, what_is_removed_while_the_client_is_looked_at_is_einval_and_what_changes_is_judged_as_it_is) {
  const auto lookers = wait_for_processes().lookers;
  for (const bool removed : {true, false}) {
    const int id = this->of_maker(0666);
    stop(lookers);
    ASSERT_EQ(this->asker_->send(this->server_in(), this->datagram(*this->asker_, typename TypeParam::Request{id})),
              0);
    EXPECT_FALSE(this->asker_->receive(silence).has_value());
    if (removed) {
      TypeParam::remove(id);
    } else {
      TypeParam::give(id, u2, g2, 0600);
    }
    resume(lookers);
    const auto reply = this->asker_->receive();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(static_cast<int>(reply->at(0)), removed ? EINVAL : EPERM);
    auto now = all_ipc_objects();
    EXPECT_EQ(TypeParam::of(now).contains(id), !removed);
  }
}

// --- Who asks ---

TYPED_TEST(IpcRemoval, refuses_a_client_in_another_ipc_namespace) {
  Client foreign([] {
    if (::unshare(CLONE_NEWIPC) != 0) ::_exit(126);
    become(first_user);
  });
  ASSERT_EQ(foreign.bind(tmp + "/" + foreign.socket_name()), 0);
  const int id = this->of_maker(0666);
  this->keeps(foreign, id, refused(EPERM, "peer.namespace"));
  this->removes(*this->asker_, id);
}

TYPED_TEST(IpcRemoval, refuses_a_user_who_made_namespaces_of_its_own) {
  Client foreign([] {
    become(first_user);
    if (::unshare(CLONE_NEWUSER | CLONE_NEWIPC) != 0) ::_exit(126);
  });
  if (foreign.run([] { return 1; }) != 1) SECSHR_SKIP("no user namespaces");
  ASSERT_EQ(foreign.bind(tmp + "/" + foreign.socket_name()), 0);
  const int id = this->of_maker(0666);
  const auto code = this->answer(foreign, this->datagram(foreign, typename TypeParam::Request{id}));
  EXPECT_EQ(code, EPERM);
  this->removes(*this->asker_, id);
}

TYPED_TEST(IpcRemoval, refuses_a_client_whose_ids_differ_among_themselves) {
  const MixedIds cases[] = {{u1, u2, u1, g1, g1, g1}, {u1, u2, u2, g1, g1, g1}, {u1, u1, u2, g1, g1, g1},
                            {u1, u1, 0, g1, g1, g1},  {u1, u1, u1, g1, g2, g1}, {u1, u1, u1, g1, g1, 0},
                            {u1, u1, u1, g1, g1, g1}};
  for (const MixedIds& mixed : cases) {
    Client client([&] { become_mixed(mixed); });
    ASSERT_EQ(client.bind(tmp + "/" + client.socket_name()), 0);
    ASSERT_EQ(::chown((tmp + "/" + client.socket_name()).c_str(), u1, g1), 0);
    const int id = this->of_maker(0666);
    if (&mixed == &cases[std::size(cases) - 1]) {
      this->removes(client, id);
    } else {
      this->keeps(client, id, refused(EPERM, "peer.mixed"));
    }
  }
}

TYPED_TEST(IpcRemoval, refuses_a_client_that_has_executed_a_setuid_program_since_it_asked) {
  write_file("/mnt/test/wait", read_file("/bin/sleep"), 0755);
  write_file("/mnt/test/wait-as-other", read_file("/bin/sleep"), 04755, u2, g2);
  for (const bool other : {false, true}) {
    SCOPED_TRACE(other);
    const int id = this->of_maker(0666);
    const auto client = this->connect(first_user);
    const std::size_t before = this->records().size();
    stop({this->broker_});
    ASSERT_EQ(client->send(this->server_in(), this->datagram(*client, typename TypeParam::Request{id})), 0);
    client->start([other] {
      char name[] = "wait";
      char seconds[] = "60";
      char* arguments[] = {name, seconds, nullptr};
      char* environment[] = {nullptr};
      return ::execve(other ? "/mnt/test/wait-as-other" : "/mnt/test/wait", arguments, environment);
    });
    ASSERT_TRUE(eventually([&] { return status_of(client->pid()).at("Name").starts_with("wait"); }));
    resume({this->broker_});
    ASSERT_TRUE(eventually([&] { return this->records().size() == before + 1; }));
    EXPECT_EQ(this->records().back().at("rule"), other ? "peer.mixed" : "-");
    auto now = all_ipc_objects();
    EXPECT_EQ(TypeParam::of(now).contains(id), other);
  }
}

TYPED_TEST(IpcRemoval, a_client_that_died_since_it_asked_changes_nothing) {
  const int id = this->of_maker(0666);
  const auto lookers = wait_for_processes().lookers;
  const auto doomed = this->connect(first_user);
  const pid_t pid = doomed->pid();
  stop(lookers);
  ASSERT_EQ(doomed->send(this->server_in(), this->datagram(*doomed, typename TypeParam::Request{id})), 0);
  this->expect_serving();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !is_running(pid); }));
  const std::size_t before = this->records().size();
  resume(lookers);
  ASSERT_TRUE(eventually([&] { return this->records().size() == before + 1; }));
  EXPECT_EQ(this->records().back().at("errno"), "ESRCH");
  auto now = all_ipc_objects();
  EXPECT_TRUE(TypeParam::of(now).contains(id));
}

TYPED_TEST(IpcRemoval, is_served_where_proc_hides_other_users_processes) {
  const HiddenProcesses hidden;
  this->removes(*this->asker_, this->of_maker(0666));
  this->keeps(*this->asker_, this->of_maker(0600), this->forbidden());
}

}  // namespace
}  // namespace secshr::test
