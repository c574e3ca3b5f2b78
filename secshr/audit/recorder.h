// The recorder: writes the audit log's lines as the broker sends them, and says how far it has come. It holds the
// log's descriptor and no privilege at all.
#pragma once

namespace secshr {

// Serves until the channel closes. Both descriptors stay the caller's.
void serve_log(int channel, int file) noexcept;

}  // namespace secshr
