// Who asks: identity taken once per datagram from the kernel, never from the message. Only identify() makes one.
#pragma once

#include "secshr/kernel.h"
#include "system/descriptor.h"

namespace secshr {

struct Peer {
  Credentials credentials;  // real ids
  Descriptor pidfd;         // still the sender for as long as it lives, whatever becomes of the pid
};

}  // namespace secshr
