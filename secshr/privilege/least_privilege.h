// The one function that gives privileges away. What a process keeps is its Role; everything else is dropped for good,
// read back, and tried to be regained.
#pragma once

#include <sys/capability.h>
#include <sys/types.h>

#include <array>
#include <span>

namespace secshr {

struct Role {
  const char* name;  // the process's name, at most 15 bytes
  uid_t uid;         // and gid; never 0
  std::span<const cap_value_t> permitted;
  bool may_fork = false;
};

// docs/threat-model.md has the reason for each of these.
inline constexpr std::array<cap_value_t, 4> broker_capabilities{CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_FOWNER};
inline constexpr std::array<cap_value_t, 2> looker_capabilities{CAP_SETUID, CAP_SETGID};
inline constexpr std::array<cap_value_t, 1> writer_capabilities{CAP_DAC_OVERRIDE};
inline constexpr std::array<cap_value_t, 1> watcher_capabilities{CAP_KILL};

// Called as uid 0 with SETPCAP, SETUID, SETGID and the role's capabilities. Returns nullptr, or the name of the step
// that failed: the caller must then end the process, which is in no defined state.
[[nodiscard]] const char* drop_privileges(const Role& role) noexcept;

// Reads the process's own state back and compares all of it with the role: ids, groups, every capability set,
// securebits, no_new_privs, dumpable, limits. nullptr, or what differs.
[[nodiscard]] const char* difference_from(const Role& role) noexcept;

}  // namespace secshr
