// A broker that stays in the control group of who started it could be frozen, starved or killed through it.
#pragma once

namespace secshr {

// Moves this process to the root of each hierarchy that is mounted, as root. May return in a child of the caller's,
// which has all that the caller had, while the caller has ended. Whether it is there now, by the kernel's word; also
// where the system has no control groups.
[[nodiscard]] bool leave_cgroup();

}  // namespace secshr
