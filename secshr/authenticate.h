// Who sent a datagram: from the kernel's credentials alone, once. What cannot be established is refused.
#pragma once

#include <expected>
#include <optional>

#include "protocol/profile.h"
#include "protocol/request.h"
#include "protocol/socket_names.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/peer.h"

namespace secshr {

// The ids that the kernel shows where it cannot translate one into our user namespace. Empty where that maps every
// id: there they are ordinary ids, nobody and nogroup.
struct OverflowIds {
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

// The kernel's word about the sender as far as it goes: takes the pidfd out of `received`.
[[nodiscard]] std::expected<Peer, Denied> identify(Kernel& kernel, Received& received, OverflowIds overflow) noexcept;

// Where the reply goes: the last component of the sender's address, where that is a client socket of this very
// process.
[[nodiscard]] std::optional<protocol::SocketName> reply_name(const protocol::Profile& profile,
                                                             const Received& received, const Peer& peer) noexcept;

// What the message says of its sender must agree with the kernel.
[[nodiscard]] std::optional<Denied> contradiction(const Peer& peer, const protocol::RequestHeader& header) noexcept;

}  // namespace secshr
