// Closing a server socket so that nothing is lost in its queue. What arrives between the last look into a queue and
// the close would vanish without a word. So the queue is first filled with datagrams of our own until no other fits:
// who sends then waits in sendto(2) and, when the socket closes, is refused or reaches whoever has the name by then.
// And nothing is taken out any more, since whoever waits for room would be faster than we are; it is looked through.
#pragma once

#include <cstddef>
#include <expected>
#include <vector>

#include "system/descriptor.h"

namespace secshr {

class QueueSeal {
 public:
  // Seals nothing.
  QueueSeal() = default;

  // For the socket whose file `file` (O_PATH) is. As root: later its mode might not let us connect. A queue longer
  // than some thousand datagrams cannot be sealed: then there is nothing to fill it with. An errno otherwise.
  [[nodiscard]] static std::expected<QueueSeal, int> make(int file) noexcept;

  // Nonblocking. From here on nothing comes in, and what is in is received as of a sealed queue (Kernel::receive),
  // from its beginning to its end, where ours are. False: it cannot be sealed.
  [[nodiscard]] bool seal(int socket) const noexcept;

  // Descriptors that a seal of this machine holds at most.
  static constexpr std::size_t most_fillers = 4;

 private:
  std::vector<Descriptor> fillers_;  // connected to it
};

}  // namespace secshr
