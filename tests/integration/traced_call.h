// One system call of a traced process, and how it is made to go wrong: what those who follow a start and those who
// follow processes that serve have in common.
#pragma once

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>

namespace secshr::test {

// Whose call it is. Of a start each process from its beginning or from its exec on, the starter being who becomes the
// broker. Of what serves already a worker is any of its kind; of a host of the library the processes that a call of
// it makes, up to where they execute something.
enum class Part : std::uint8_t {
  nobody,
  wrapper_itself,
  wrapper_child,  // until it executes the starter
  starter,        // who may go on as a child of its own
  looker,
  first_looker,  // the first worker; all others are nobody
  writer,
  first_writer,
  recorder,
  first_recorder,
  watcher,
  broker,
  a_looker,
  a_writer,
  a_recorder,
  supervisor,
  new_worker,
  host,
  host_child,
};

// One kind of call of one process. `what` tells those of one number apart that have nothing to do with each other:
// the option of a prctl, the command of an fcntl.
struct CallKind {
  Part part = Part::nobody;
  long number = -1;
  std::uint64_t what = 0;
  friend auto operator<=>(const CallKind&, const CallKind&) = default;
};
std::ostream& operator<<(std::ostream& out, const CallKind& kind);

// A call as it was entered.
struct MadeCall {
  CallKind kind;
  std::uint64_t first_argument = 0;
  std::uint64_t third_argument = 0;  // how many bytes, where it reads or writes
};
MadeCall made_call(Part part, const __ptrace_syscall_info& entry);

// It fails with `error` without having been made, but for close, which is made whatever it says; or it is made for
// so many bytes at most.
struct Harm {
  int error = 0;
  std::optional<std::uint64_t> most_bytes;
};

// The call that a process is in, from its entry to its exit.
class HarmedCall {
 public:
  // Where the process stands at its entry. A call that is not to be made gets a number that there is none of, which a
  // filter must not kill for.
  HarmedCall(pid_t pid, long number, const Harm& harm);
  // Where it stands at its exit. All registers of the caller's own are as they were.
  void leave(pid_t pid) const;

 private:
  long number_;
  Harm harm_;
  user_regs_struct before_{};
};

}  // namespace secshr::test
