// What becomes of a valid request on its way to a server that must withstand everything.
#pragma once

#include "tests/hammer/random.h"
#include "tests/integration/client.h"

namespace secshr::test {

// Bits, bytes and numbers changed, cut, extended, or of another length altogether, up to far more than any server
// takes.
void mutate(Random& random, Bytes& datagram);

}  // namespace secshr::test
