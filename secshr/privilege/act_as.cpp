#include "secshr/privilege/act_as.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "secshr/privilege/capabilities.h"

namespace secshr {
namespace {

constexpr std::array<cap_value_t, 2> identity_capabilities{CAP_SETUID, CAP_SETGID};

bool set_effective(const Capabilities& state, std::span<const cap_value_t> capabilities) noexcept {
  if (!state || cap_clear_flag(state.get(), CAP_EFFECTIVE) != 0) return false;
  if (!capabilities.empty() && cap_set_flag(state.get(), CAP_EFFECTIVE, static_cast<int>(capabilities.size()),
                                            capabilities.data(), CAP_SET) != 0) {
    return false;
  }
  return cap_set_proc(state.get()) == 0;
}

// What this process is permitted is asked once, and again when it has given something up: that can only become less,
// and the kernel refuses to set what is more.
bool set_effective(std::span<const cap_value_t> capabilities) noexcept {
  static Capabilities state(cap_get_proc());
  if (set_effective(state, capabilities)) return true;
  state.reset(cap_get_proc());
  return set_effective(state, capabilities);
}

// setfsuid and setfsgid report nothing: an impossible id changes nothing and returns the one in force.
bool set_file_uid(uid_t uid) noexcept {
  (void)::setfsuid(uid);
  return static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) == uid;
}
bool set_file_gid(gid_t gid) noexcept {
  (void)::setfsgid(gid);
  return static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) == gid;
}

// The kernel gives a process that changes its ids the system's default dumpable back, which an administrator may have
// set to something else than "not".
void stay_undumpable() noexcept {
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) std::abort();
}

}  // namespace

RaisedCapabilities::RaisedCapabilities(std::span<const cap_value_t> capabilities) noexcept
    : ok_(set_effective(capabilities)) {}

RaisedCapabilities::~RaisedCapabilities() {
  if (!set_effective({})) std::abort();
}

// Acting as root is refused here, whatever the caller decided: nothing that serves a client's byte needs it.
FileIdentity::FileIdentity(uid_t uid, gid_t gid, std::span<const gid_t> groups) noexcept {
  if (uid == 0) return;
  const RaisedCapabilities raised(identity_capabilities);
  if (!raised.ok()) return;
  if (!set_groups(groups)) return;
  // The uid last: it is what the other side is judged by, and nothing is half done when it holds.
  ok_ = set_file_gid(gid) && set_file_uid(uid);
  stay_undumpable();
}

// With the capability for it in effect.
bool FileIdentity::set_groups(std::span<const gid_t> groups) noexcept {
  if (groups.empty()) return true;
  groups_set_ = true;
  return ::setgroups(groups.size(), groups.data()) == 0;
}

bool FileIdentity::take_groups(std::span<const gid_t> groups) noexcept {
  if (!ok_ || groups.empty()) return ok_;
  const RaisedCapabilities raised(identity_capabilities);
  ok_ = raised.ok() && set_groups(groups);
  return ok_;
}

FileIdentity::~FileIdentity() {
  const RaisedCapabilities raised(identity_capabilities);
  if (!raised.ok() || !set_file_uid(::geteuid()) || !set_file_gid(::getegid())) std::abort();
  if (groups_set_ && ::setgroups(0, nullptr) != 0) std::abort();
  stay_undumpable();
}

IpcIdentity::IpcIdentity(uid_t uid, ActingAsRoot root) noexcept {
  if (uid == 0 && root == ActingAsRoot::refused) return;
  const RaisedCapabilities raised(identity_capabilities);
  ok_ = raised.ok() && ::setresuid(static_cast<uid_t>(-1), uid, static_cast<uid_t>(-1)) == 0;
  stay_undumpable();
}

IpcIdentity::~IpcIdentity() {
  const RaisedCapabilities raised(identity_capabilities);
  if (!raised.ok() || ::setresuid(static_cast<uid_t>(-1), ::getuid(), static_cast<uid_t>(-1)) != 0) std::abort();
  stay_undumpable();
}

}  // namespace secshr
