#include "tests/integration/held_start.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "secshr/instance_lock.h"
#include "tests/integration/disturbed_start.h"

namespace secshr::test {
namespace {

template <typename Value>
std::optional<Value> read_from(pid_t pid, std::uint64_t address) {
  Value value{};
  iovec own{&value, sizeof value};
  iovec its{std::bit_cast<void*>(address), sizeof value};
  if (::process_vm_readv(pid, &own, 1, &its, 1, 0) != sizeof value) return std::nullopt;
  return value;
}

// A connection to the control socket.
bool is_its_question(pid_t pid, const __ptrace_syscall_info& call) {
  const auto address = call.entry.nr == SYS_connect ? read_from<sockaddr_un>(pid, call.entry.args[1]) : std::nullopt;
  return address && std::string_view(address->sun_path).ends_with("/control");
}

// A lock on one byte of a file: the second is the turn's, the first the broker's.
bool takes(InstanceLock::Part part, pid_t pid, const __ptrace_syscall_info& call) {
  if (call.entry.nr != SYS_fcntl || call.entry.args[1] != F_SETLK) return false;
  const auto lock = read_from<struct flock>(pid, call.entry.args[2]);
  return lock && lock->l_type == F_WRLCK && lock->l_start == static_cast<off_t>(part);
}

IsTheCall call_of(HoldBefore before) {
  switch (before) {
    case HoldBefore::its_question:
      return is_its_question;
    case HoldBefore::its_turn:
      return [](pid_t pid, const auto& call) { return takes(InstanceLock::Part::turn, pid, call); };
    case HoldBefore::its_place:
      break;
  }
  return [](pid_t pid, const auto& call) { return takes(InstanceLock::Part::broker, pid, call); };
}

}  // namespace

Ending run_held(const Identity& identity, const Command& command, HoldBefore before,
                const std::function<void(pid_t starter)>& meanwhile) {
  const auto held = run_with_pause_before(identity, command, call_of(before), [&](pid_t starter) {
    meanwhile(starter);
    return 0;
  });
  if (!held.start.was_disturbed) throw std::runtime_error("the start did not come to where it is held");
  return held.start.wrapper;
}

}  // namespace secshr::test
