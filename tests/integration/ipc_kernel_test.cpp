// Asking and removing as others, by the broker's own kernel and with the broker's privileges, but without the broker.
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "secshr/linux_kernel.h"
#include "secshr/privilege/least_privilege.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

constexpr gid_t some_group = 72999;

class IpcKernel : public PrivateWorldTest {
 protected:
  void SetUp() override {
    SECSHR_REQUIRES_PRIVATE_WORLD();
    PrivateWorldTest::SetUp();
  }
  // What `act` returns in a process with the broker's privileges: at most 255. It must have none left in force.
  template <typename Act>
  static int as_broker(ActingAsRoot root, Act act) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto replies = ReplySockets::make();
      auto connections = ReplyConnections::make();
      auto bound_names = BoundNames::open();
      if (!replies || !connections || !bound_names) ::_exit(253);
      if (drop_privileges({"test broker", broker_uid, broker_capabilities}) != nullptr) ::_exit(254);
      LinuxKernel kernel(*std::move(replies), *std::move(connections), *std::move(bound_names), root);
      const int result = act(kernel);
      const auto status = status_of(::getpid());
      const bool left = status.at("CapEff") == "0000000000000000" && ::geteuid() == broker_uid &&
                        status.at("Groups").empty() && status.at("Gid").ends_with(std::to_string(::getgid()));
      ::_exit(left ? result : 255);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_LT(WEXITSTATUS(status), 253);
    return WEXITSTATUS(status);
  }
  static int new_set(uid_t uid, gid_t group, unsigned mode) {
    const int semid = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    EXPECT_GE(semid, 0);
    give_set(semid, uid, group, mode);
    return semid;
  }
  static void operate(int semid) {
    sembuf operation{0, 1, IPC_NOWAIT};
    EXPECT_EQ(::semop(semid, &operation, 1), 0);
  }
};

// 0: told, and rightly; else an errno.
TEST_F(IpcKernel, says_who_operated_last_where_anybody_at_all_but_root_may_read_the_set) {
  const pid_t self = ::getpid();
  for (const uid_t uid : {u1, uid_t{0}}) {
    for (const gid_t group : {some_group, gid_t{0}}) {
      for (const unsigned mode : {0U, 0400U, 0040U, 0004U, 0044U, 0404U, 0440U, 0222U, 0666U}) {
        for (const auto root : {ActingAsRoot::refused, ActingAsRoot::allowed}) {
          SCOPED_TRACE(testing::Message() << "uid " << uid << " group " << group << " mode " << std::oct << mode);
          const int semid = new_set(uid, group, mode);
          operate(semid);
          const int result = as_broker(root, [semid, self](LinuxKernel& kernel) {
            const auto facts = kernel.semaphore_set(semid);
            if (!facts) return 200;
            const auto last = kernel.last_operation_pid(semid, *facts);
            if (!last) return last.error();
            return *last == self ? 0 : 201;
          });
          const bool by_owner = (mode & 0400) != 0 && (uid != 0 || root == ActingAsRoot::allowed);
          EXPECT_EQ(result == 0, (mode & 0044) != 0 || by_owner) << result;
          EXPECT_LT(result, 200);
        }
      }
    }
  }
}

TEST_F(IpcKernel, says_that_a_set_is_gone) {
  const int semid = new_set(u1, some_group, 0666);
  EXPECT_EQ(as_broker(ActingAsRoot::refused,
                      [semid](LinuxKernel& kernel) {
                        const auto facts = kernel.semaphore_set(semid);
                        if (!facts) return 200;
                        if (!kernel.remove_semaphore_set(semid, *facts)) return 201;
                        const auto last = kernel.last_operation_pid(semid, *facts);
                        return last ? 202 : last.error();
                      }),
            EINVAL);
}

// Somebody takes the set between the decision and the removal.
TEST_F(IpcKernel, removes_no_set_that_was_operated_on_since_it_was_seen) {
  for (const bool operated : {true, false}) {
    const int semid = new_set(u1, some_group, 0666);
    const int result = as_broker(ActingAsRoot::refused, [semid, operated](LinuxKernel& kernel) {
      const auto seen = kernel.semaphore_set(semid);
      if (!seen) return 200;
      sembuf operation{0, 1, IPC_NOWAIT};
      if (operated && ::semop(semid, &operation, 1) != 0) return 201;
      const auto removed = kernel.remove_semaphore_set(semid, *seen);
      return removed ? 0 : removed.error();
    });
    EXPECT_EQ(result, operated ? EBUSY : 0);
  }
}

}  // namespace
}  // namespace secshr::test
