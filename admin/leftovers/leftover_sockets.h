// Socket files in a served directory: which are left over, and removing those.
//
// A file is judged through one descriptor of it: its kind, and whether anybody is bound to it, which connect(2) tells
// for every network namespace. It is removed only if its name still stands for that very file directly before. Links
// are never followed, and no name leads out of the directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/failure.h"

namespace secshr::admin {

enum class SocketVerdict : std::uint8_t {
  dead_process,    // left over: its process has ended, and nobody is bound to it
  dead_server,     // left over: nobody is bound to it, and clients of no adopted installation use the name
  live_process,    // the process lives, and may be about to bind it
  bound,           // somebody is bound to it, in whatever namespace
  adopted_server,  // keeps an adopted installation's name from others until the next start takes it
  just_made,       // made within the last seconds: a process that is not seen from here may be about to bind it
  not_a_socket,
  not_a_name,  // begins like one of ours, and is none
  undecided,   // it could not be looked at, or the kernel did not say whether anybody is bound
};
[[nodiscard]] constexpr bool is_left_over(SocketVerdict verdict) {
  return verdict == SocketVerdict::dead_process || verdict == SocketVerdict::dead_server;
}

struct SocketFile {
  std::string name;
  SocketVerdict verdict = SocketVerdict::undecided;
  std::optional<uid_t> owner;
  pid_t pid = 0;        // of the process in its name; 0: it names none
  std::string process;  // what that calls itself, where it lives
  std::string fault;    // why it is undecided, or could not be removed
  bool removed = false;
};

// The server sockets' names of the adopted installations.
struct AdoptedNames {
  std::set<std::string> names;
  bool complete = true;  // false: there is one whose name nobody can tell, which may be any
  [[nodiscard]] bool hold(const std::string& name) const { return !complete || names.contains(name); }
};

enum class Reap : bool { look, remove };

// What has a name that begins like a socket's of any profile, and is a socket or has such a name in full; sorted.
// `directory` is an O_PATH descriptor.
Result<std::vector<SocketFile>> reap_sockets(int directory, const AdoptedNames& adopted, Reap reap);

}  // namespace secshr::admin
