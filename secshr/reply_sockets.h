// The sockets that replies leave through: a pool that is made once.
//
// A datagram that nobody reads stays charged to the socket it was sent from, until that socket can send no more. So
// replies of one uid that are not read must not take the sockets that others' replies need: a uid may leave only its
// share of the pool with unread replies, and beyond that loses its own replies alone. When many uids together leave
// no socket free (one user may have many, in user namespaces), a new socket takes the place of the one with the least
// unread on it: what was sent stays with those that do not read it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>

#include "secshr/kernel.h"
#include "secshr/limits.h"
#include "system/descriptor.h"

namespace secshr {

class ReplySockets {
 public:
  // All of them or an errno.
  [[nodiscard]] static std::expected<ReplySockets, int> make() noexcept;

  // As Kernel::can_reply says.
  [[nodiscard]] std::expected<void, int> can_send(int directory, const char* name,
                                                  const Credentials& client) noexcept;
  // As Kernel::send_reply says. EAGAIN also where the client's uid has used up its share with replies that it did not
  // read.
  [[nodiscard]] std::expected<void, int> send(int directory, const char* name, const Credentials& client,
                                              std::span<const std::byte> reply) noexcept;

 private:
  struct Slot {
    Descriptor socket;
    std::optional<uid_t> user;  // who has the socket for as long as replies on it are unread
  };

  ReplySockets() = default;
  Slot& choose(uid_t uid) noexcept;

  std::array<Slot, limits::reply_sockets> slots_;
  Descriptor probe_;  // nothing is ever sent from it
};

}  // namespace secshr
