// The one function that gives privileges away, and the one that compares: with every step left out once.
#include "secshr/privilege/least_privilege.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>

#include "secshr/privilege/act_as.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

constexpr std::array<cap_value_t, 2> role_capabilities{CAP_SETUID, CAP_SETGID};
constexpr Role role{"secshrd-test", 64199, role_capabilities};

class LeastPrivilege : public PrivateWorldTest {
 protected:
  // What a child found, as text: nothing when all was well.
  static std::string in_child(const std::function<std::string()>& body) {
    int ends[2];
    if (::pipe(ends) != 0) return "no pipe";
    const Ending ending = run_forked([&] {
      const std::string found = body();
      return ::write(ends[1], found.data(), found.size()) == static_cast<ssize_t>(found.size()) ? 0 : 1;
    });
    (void)::close(ends[1]);
    std::array<char, 256> text{};
    const ssize_t size = ::read(ends[0], text.data(), text.size());
    (void)::close(ends[0]);
    if (ending != exited(0)) return "the child did not end by itself";
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  static std::string text_of(const char* found) { return found == nullptr ? "" : found; }
};

bool change_capabilities(cap_flag_t flag, cap_value_t capability, cap_flag_value_t value) {
  const cap_t state = cap_get_proc();
  const bool done = cap_set_flag(state, flag, 1, &capability, value) == 0 && cap_set_proc(state) == 0;
  (void)cap_free(state);
  return done;
}

// --- Dropping ---

TEST_F(LeastPrivilege, drops_everything_but_the_roles_own) {
  for (const auto capabilities :
       {std::span<const cap_value_t>(broker_capabilities), std::span<const cap_value_t>(looker_capabilities),
        std::span<const cap_value_t>(writer_capabilities), std::span<const cap_value_t>()}) {
    EXPECT_EQ(in_child([&] {
                const Role own{"secshrd-test", 64199, capabilities};
                const char* const failed = drop_privileges(own);
                return failed != nullptr ? std::string(failed) : text_of(difference_from(own));
              }),
              "");
  }
}

TEST_F(LeastPrivilege, drops_what_a_caller_left_in_the_process) {
  EXPECT_EQ(in_child([] {
              const std::array<gid_t, 3> groups{5, 27, 71001};
              if (::setgroups(groups.size(), groups.data()) != 0) return std::string("seed groups");
              if (!change_capabilities(CAP_INHERITABLE, CAP_SYS_ADMIN, CAP_SET))
                return std::string("seed inheritable");
              if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) != 0)
                return std::string("seed ambient");
              if (::prctl(PR_SET_KEEPCAPS, 1) != 0 || ::prctl(PR_SET_DUMPABLE, 1) != 0) return std::string("seed");
              return text_of(drop_privileges(role));
            }),
            "");
}

// For a change of uids the kernel does it itself, where the machine's default is "not".
TEST_F(LeastPrivilege, ends_being_dumpable_where_no_uid_changes) {
  EXPECT_EQ(in_child([]() -> std::string {
              if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0) return "seed securebits";
              if (::setresgid(role.uid, role.uid, role.uid) != 0 || ::setresuid(role.uid, role.uid, role.uid) != 0) {
                return "seed ids";
              }
              if (::prctl(PR_SET_DUMPABLE, 1) != 0) return "seed";
              return text_of(drop_privileges(role));
            }),
            "");
}

TEST_F(LeastPrivilege, nobody_acts_as_root_where_files_decide) {
  const auto acts_as = [](uid_t uid) {
    return run_forked([uid] {
      if (drop_privileges(role) != nullptr) return 2;
      return FileIdentity(uid, 71001).ok() ? 0 : 1;
    });
  };
  EXPECT_EQ(acts_as(0), exited(1));
  EXPECT_EQ(acts_as(71001), exited(0));
}

TEST_F(LeastPrivilege, refuses_a_role_that_is_root) {
  EXPECT_EQ(in_child([] { return text_of(drop_privileges({"secshrd-test", 0, role_capabilities})); }),
            "role-is-root");
}

TEST_F(LeastPrivilege, says_which_step_failed_when_the_process_lacks_what_it_needs) {
  // Without SETPCAP nothing can be given away for good.
  EXPECT_EQ(in_child([] {
              if (!change_capabilities(CAP_EFFECTIVE, CAP_SETPCAP, CAP_CLEAR)) return std::string("seed");
              return text_of(drop_privileges(role));
            }),
            "securebits");
  // A capability that it should keep is not there: a broker without it would fail later and in part.
  EXPECT_EQ(in_child([] {
              if (!change_capabilities(CAP_EFFECTIVE, CAP_SETUID, CAP_CLEAR) ||
                  !change_capabilities(CAP_PERMITTED, CAP_SETUID, CAP_CLEAR)) {
                return std::string("seed");
              }
              return text_of(drop_privileges(role));
            }),
            "uid");
  EXPECT_EQ(in_child([] {
              if (!change_capabilities(CAP_EFFECTIVE, CAP_KILL, CAP_CLEAR) ||
                  !change_capabilities(CAP_PERMITTED, CAP_KILL, CAP_CLEAR)) {
                return std::string("seed");
              }
              return text_of(drop_privileges({"secshrd-test", 64199, broker_capabilities}));
            }),
            "capabilities");
}

// --- Comparing: a drop of our own, step by step, so that one can be left out ---

constexpr unsigned long all_securebits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                         SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                         SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

enum class Step {
  none,
  keep_caps_lock,
  bounding_set,
  groups,
  gids,
  saved_gid,
  uids,
  saved_uid,
  permitted,
  effective,
  inheritable,
  no_new_privs,
  dumpable,
  core_limit,
  process_limit,
};

bool drop_without(Step left_out) {
  const auto unless = [left_out](Step step) { return left_out != step; };
  const std::array<gid_t, 1> group{27};
  if (::setgroups(1, group.data()) != 0) return false;
  if (!change_capabilities(CAP_INHERITABLE, CAP_SETUID, CAP_SET)) return false;
  constexpr unsigned long keep_caps_lock = SECBIT_KEEP_CAPS_LOCKED;
  const unsigned long securebits = unless(Step::keep_caps_lock) ? all_securebits : all_securebits & ~keep_caps_lock;
  if (::prctl(PR_SET_SECUREBITS, securebits) != 0) return false;
  for (cap_value_t capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    const bool left = left_out == Step::bounding_set && capability == CAP_KILL;
    if (capability != CAP_SETUID && capability != CAP_SETGID && !left && ::prctl(PR_CAPBSET_DROP, capability) != 0) {
      return false;
    }
  }
  if (unless(Step::groups) && ::setgroups(0, nullptr) != 0) return false;
  const gid_t gid = role.uid;
  const uid_t uid = role.uid;
  if (unless(Step::gids) && ::setresgid(gid, gid, unless(Step::saved_gid) ? gid : 0) != 0) return false;
  if (unless(Step::uids) && ::setresuid(uid, uid, unless(Step::saved_uid) ? uid : 0) != 0) return false;
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> state(cap_init(), &cap_free);
  const cap_value_t extra = CAP_KILL;
  bool made =
      cap_set_flag(state.get(), CAP_PERMITTED, role_capabilities.size(), role_capabilities.data(), CAP_SET) == 0;
  if (left_out == Step::permitted) made = made && cap_set_flag(state.get(), CAP_PERMITTED, 1, &extra, CAP_SET) == 0;
  if (left_out == Step::effective)
    made = made && cap_set_flag(state.get(), CAP_EFFECTIVE, 1, role_capabilities.data(), CAP_SET) == 0;
  if (left_out == Step::inheritable)
    made = made && cap_set_flag(state.get(), CAP_INHERITABLE, 1, role_capabilities.data(), CAP_SET) == 0;
  if (!made || cap_set_proc(state.get()) != 0) return false;
  if (unless(Step::no_new_privs) && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  const rlimit none{0, 0};
  const rlimit one{0, 1};  // which can be raised again
  if (::setrlimit(RLIMIT_CORE, unless(Step::core_limit) ? &none : &one) != 0) return false;
  if (::setrlimit(RLIMIT_NPROC, unless(Step::process_limit) ? &none : &one) != 0) return false;
  return ::prctl(PR_SET_DUMPABLE, unless(Step::dumpable) ? 0 : 1) == 0;
}

TEST_F(LeastPrivilege, the_comparison_finds_every_single_step_that_was_left_out) {
  const std::pair<Step, std::string> cases[] = {
      {Step::none, ""},
      {Step::keep_caps_lock, "securebits-differ"},
      {Step::bounding_set, "bounding-set-differs"},
      {Step::groups, "groups-differ"},
      {Step::gids, "ids-differ"},
      {Step::saved_gid, "ids-differ"},
      {Step::uids, "ids-differ"},
      {Step::saved_uid, "ids-differ"},
      {Step::permitted, "permitted-set-differs"},
      {Step::effective, "effective-set-differs"},
      {Step::inheritable, "inheritable-set-differs"},
      {Step::no_new_privs, "no-new-privs-differs"},
      {Step::dumpable, "dumpable-differs"},
      {Step::core_limit, "core-limit-differs"},
      {Step::process_limit, "process-limit-differs"},
  };
  for (const auto& [step, wanted] : cases) {
    EXPECT_EQ(
        in_child([step] { return drop_without(step) ? text_of(difference_from(role)) : "the drop itself failed"; }),
        wanted);
  }
}

TEST_F(LeastPrivilege, the_comparison_finds_a_process_that_still_acts_as_somebody_else) {
  EXPECT_EQ(in_child([]() -> std::string {
              if (drop_privileges(role) != nullptr) return "drop";
              if (!change_capabilities(CAP_EFFECTIVE, CAP_SETUID, CAP_SET)) return "raise";
              if (::setresuid(static_cast<uid_t>(-1), 71001, static_cast<uid_t>(-1)) != 0) return "act as";
              return text_of(difference_from(role));
            }),
            "ids-differ");
  EXPECT_EQ(in_child([]() -> std::string {
              if (drop_privileges(role) != nullptr) return "drop";
              if (!change_capabilities(CAP_EFFECTIVE, CAP_SETUID, CAP_SET)) return "raise";
              (void)::setfsuid(71001);
              return text_of(difference_from(role));
            }),
            "ids-differ");
}

// --- Regaining ---

TEST_F(LeastPrivilege, nothing_that_was_given_away_can_be_had_again) {
  const auto attempts = []() -> std::string {
    if (::setuid(0) == 0 || ::seteuid(0) == 0 || ::setreuid(0, 0) == 0 || ::setresuid(0, 0, 0) == 0) return "uid";
    if (::setgid(0) == 0 || ::setegid(0) == 0 || ::setresgid(0, 0, 0) == 0) return "gid";
    const std::array<gid_t, 1> group{0};
    if (::setgroups(1, group.data()) == 0) return "groups";
    for (const cap_value_t capability : {CAP_SYS_ADMIN, CAP_SETPCAP, CAP_DAC_OVERRIDE, CAP_SYS_PTRACE}) {
      for (const cap_flag_t flag : {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE}) {
        if (change_capabilities(flag, capability, CAP_SET)) return "capset";
      }
    }
    if (::prctl(PR_SET_SECUREBITS, 0) == 0) return "securebits";
    if (::prctl(PR_SET_KEEPCAPS, 1) == 0) return "keep-caps";
    if (::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0) return "no-new-privs";
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) == 0) return "ambient";
    const rlimit core{1, 1};
    if (::setrlimit(RLIMIT_CORE, &core) == 0) return "core";
    if (::setrlimit(RLIMIT_NPROC, &core) == 0) return "processes";
    if (::fork() >= 0) return "fork";
    return "";
  };
  EXPECT_EQ(in_child([&] { return drop_privileges(role) != nullptr ? "drop" : attempts(); }), "");
  EXPECT_EQ(in_child(attempts), "uid") << "root can: the attempts are real ones";
}

// A kernel that would give it back: it says so to one attempt.
bool have_success_said_to(long call, std::uint32_t first, std::uint32_t second) {
  const sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(code), const_cast<sock_filter*>(code)};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

TEST_F(LeastPrivilege, what_can_be_had_again_is_noticed_though_nothing_differs) {
  struct Attempt {
    long call = -1;
    std::uint32_t first = 0, second = 0;
  };
  for (const Attempt& attempt :
       {Attempt{SYS_setresuid, 0, 0}, Attempt{SYS_setresgid, 0, 0}, Attempt{SYS_prctl, PR_SET_SECUREBITS, 0},
        Attempt{SYS_prctl, PR_SET_NO_NEW_PRIVS, 0}}) {
    EXPECT_EQ(in_child([&] {
                const bool is_said = have_success_said_to(attempt.call, attempt.first, attempt.second);
                return is_said ? text_of(drop_privileges(role)) : "no filter";
              }),
              "regained")
        << attempt.call;
  }
}

TEST_F(LeastPrivilege, a_setuid_program_gives_nothing_back) {
  // Which tells by its exit status whether it is root.
  install_built("tests/am_i_root", "/mnt/test/am-i-root", 04755);
  const auto execute = [] {
    char name[] = "am-i-root";
    char* arguments[] = {name, nullptr};
    char* environment[] = {nullptr};
    (void)::execve("/mnt/test/am-i-root", arguments, environment);
    return 100;
  };
  EXPECT_EQ(run_forked([&] { return drop_privileges(role) != nullptr ? 101 : execute(); }), exited(1));
  EXPECT_EQ(run_as(71001, 72001, {}, {"/mnt/test/am-i-root"}).ending, exited(0)) << "others become root by it";
}

}  // namespace
}  // namespace secshr::test
