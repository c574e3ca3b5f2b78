// What the wrapper hands to the starter: the one contract between the two programs.
//
// Descriptors: 0, 1 and 2 are /dev/null; `readiness_descriptor` is one end of a stream socket on which the
// starter sends one StartStatus byte when it serves or gives up (end of file without a byte means it died). It is no
// pipe, so that a broker needs no call that writes to what may be a file;
// `executable_descriptor` is an O_PATH descriptor of the wrapper's own executable, whose (st_dev, st_ino) says
// which installation this is. Everything above is closed.
// Arguments: { "secshrd", "--invoker", "UID", "GID" }: the real ids of the user who ran the wrapper, in decimal. That
// user's supplementary groups are still the process's own, for the starter to read and then drop.
// Environment: only the cleaned variables of `wrapper/clean_environment.h`.
// Identity: uid and gid 0 (real, effective, saved); bounding set `bounding_capabilities`.
#pragma once

#include <linux/capability.h>

#include <array>

namespace secshr {

// Exit status of the wrapper, as stock clients print it. 6 makes a stock client fail at once and is never used.
enum class StartStatus : unsigned char {
  serving = 0,
  not_privileged = 1,
  bad_installation_path = 2,
  broker_not_verified = 3,
  fork_failed = 4,
  lock = 5,
  other = 7,
  directory = 8,
  own_path = 9,
  name = 10,
  not_adopted = 11,
};

inline constexpr int readiness_descriptor = 3;
inline constexpr int executable_descriptor = 4;

// What any process of the broker may ever hold, and SETPCAP, with which the starter gives the rest away.
inline constexpr std::array<int, 6> bounding_capabilities{CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL,
                                                          CAP_SETGID,       CAP_SETUID, CAP_SETPCAP};

}  // namespace secshr
