#include "secshr/privilege/least_privilege.h"

#include <grp.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "secshr/limits.h"
#include "secshr/privilege/capabilities.h"

namespace secshr {
namespace {

// No process of ours gains anything by being root, by changing its uid, or through exec; and no one can change that.
constexpr unsigned long final_securebits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                           SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                           SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

bool holds(std::span<const cap_value_t> set, cap_value_t capability) noexcept {
  return std::ranges::find(set, capability) != set.end();
}

// Of each capability that the kernel has. Only the kernel's own word, behind those that every kernel has, says that
// there are no more: any other failure would leave out what it must not.
template <typename Call>
bool each_capability(Call succeeds) noexcept {
  for (cap_value_t capability = 0;; ++capability) {
    errno = 0;
    if (succeeds(capability)) continue;
    return errno == EINVAL && capability > CAP_AUDIT_READ;
  }
}

bool reduce_bounding_set(std::span<const cap_value_t> keep) noexcept {
  return each_capability(
      [&](cap_value_t capability) { return holds(keep, capability) || ::prctl(PR_CAPBSET_DROP, capability) == 0; });
}

Capabilities only_permitted(std::span<const cap_value_t> permitted) noexcept {
  Capabilities state(cap_init());
  if (!state || permitted.empty()) return state;
  if (cap_set_flag(state.get(), CAP_PERMITTED, static_cast<int>(permitted.size()), permitted.data(), CAP_SET) != 0) {
    state.reset();
  }
  return state;
}

// The inheritable set is emptied with the others, and with it the ambient one.
bool set_capabilities(std::span<const cap_value_t> permitted) noexcept {
  const Capabilities state = only_permitted(permitted);
  return state && cap_set_proc(state.get()) == 0;
}

// Of all processes with the role's uid, in whichever broker's name. Who has no CAP_SYS_RESOURCE cannot have more.
constexpr rlim_t processes_of(const Role& role) noexcept {
  return role.may_fork ? limits::processes_per_uid : 0;
}

// A machine may have set a lower one, which stays.
bool lower_limit(__rlimit_resource resource, rlim_t most) noexcept {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min(limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(resource, &limit) == 0;
}

bool is_limited(__rlimit_resource resource, rlim_t most) noexcept {
  rlimit limit{};
  return ::getrlimit(resource, &limit) == 0 && limit.rlim_cur <= most && limit.rlim_max <= most;
}

// nullptr, or which of the process's three sets differs.
const char* difference_of_sets(std::span<const cap_value_t> permitted) noexcept {
  const Capabilities expected = only_permitted(permitted);
  const Capabilities state(cap_get_proc());
  if (!expected || !state) return "capabilities-unknown";
  const int difference = cap_compare(state.get(), expected.get());
  if (difference < 0 || CAP_DIFFERS(difference, CAP_PERMITTED)) return "permitted-set-differs";
  if (CAP_DIFFERS(difference, CAP_EFFECTIVE)) return "effective-set-differs";
  if (CAP_DIFFERS(difference, CAP_INHERITABLE)) return "inheritable-set-differs";
  return difference == 0 ? nullptr : "capabilities-differ";
}

bool bounding_set_equals(std::span<const cap_value_t> expected) noexcept {
  return each_capability([&](cap_value_t capability) {
    return ::prctl(PR_CAPBSET_READ, capability) == (holds(expected, capability) ? 1 : 0);
  });
}

bool ambient_set_is_empty() noexcept {
  return each_capability(
      [](cap_value_t capability) { return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 0; });
}

bool ids_are(uid_t id) noexcept {
  uid_t ruid = 0;
  uid_t euid = 0;
  uid_t suid = 0;
  gid_t rgid = 0;
  gid_t egid = 0;
  gid_t sgid = 0;
  if (::getresuid(&ruid, &euid, &suid) != 0 || ::getresgid(&rgid, &egid, &sgid) != 0) return false;
  const auto fsuid = static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1)));
  const auto fsgid = static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1)));
  return std::ranges::all_of(std::array{ruid, euid, suid, fsuid}, [&](uid_t uid) { return uid == id; }) &&
         std::ranges::all_of(std::array{rgid, egid, sgid, fsgid}, [&](gid_t gid) { return gid == id; });
}

// Whether anything that was given away can be had again. Each of these must fail.
bool regained() noexcept {
  constexpr std::array<cap_value_t, 1> foreign{CAP_SYS_ADMIN};
  return ::setresuid(0, 0, 0) == 0 || ::setresgid(0, 0, 0) == 0 || set_capabilities(foreign) ||
         ::prctl(PR_SET_SECUREBITS, 0) == 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

}  // namespace

const char* drop_privileges(const Role& role) noexcept {
  if (role.uid == 0) return "role-is-root";
  // First of all: from here on changing uids takes no capabilities away, so that the order below is ours to choose.
  if (::prctl(PR_SET_SECUREBITS, final_securebits) != 0) return "securebits";
  // Before the capabilities: lowering the bounding set needs SETPCAP, which goes with them.
  if (!reduce_bounding_set(role.permitted)) return "bounding-set";
  // Groups before uids before capabilities: each step needs what a later one gives away.
  if (::setgroups(0, nullptr) != 0) return "groups";
  if (::setresgid(role.uid, role.uid, role.uid) != 0) return "gid";
  if (::setresuid(role.uid, role.uid, role.uid) != 0) return "uid";
  if (!set_capabilities(role.permitted)) return "capabilities";
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no-new-privs";
  // After the uids: changing them resets dumpable to the system's default.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return "dumpable";
  if (!lower_limit(RLIMIT_CORE, 0)) return "core-limit";
  if (!lower_limit(RLIMIT_NPROC, processes_of(role))) return "process-limit";
  if (::prctl(PR_SET_NAME, role.name) != 0) return "name";

  const bool has_regained = regained();
  // After the attempts, which must have left no trace either.
  if (const char* difference = difference_from(role)) return difference;
  return has_regained ? "regained" : nullptr;
}

const char* difference_from(const Role& role) noexcept {
  if (!ids_are(role.uid)) return "ids-differ";
  if (::getgroups(0, nullptr) != 0) return "groups-differ";
  if (const char* difference = difference_of_sets(role.permitted)) return difference;
  if (!bounding_set_equals(role.permitted)) return "bounding-set-differs";
  if (!ambient_set_is_empty()) return "ambient-set-differs";
  if (::prctl(PR_GET_SECUREBITS) != static_cast<int>(final_securebits)) return "securebits-differ";
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return "no-new-privs-differs";
  if (::prctl(PR_GET_DUMPABLE) != 0) return "dumpable-differs";
  if (!is_limited(RLIMIT_CORE, 0)) return "core-limit-differs";
  if (!is_limited(RLIMIT_NPROC, processes_of(role))) return "process-limit-differs";
  return nullptr;
}

}  // namespace secshr
