// A broker that was told to leave has a few seconds for what it is at. Then it is gone, also where it is in the hands
// of somebody who would rather stay: what was wrong with it may be why it was replaced.
#pragma once

#include <sys/types.h>

#include "system/descriptor.h"

namespace secshr {

// Forks a process of that uid that waits for the end of the broker, a pidfd, and kills it at
// limits::former_broker_deadline. Called as root. False: nobody watches it.
[[nodiscard]] bool watch_former_broker(const Descriptor& broker, uid_t uid) noexcept;

}  // namespace secshr
