// The one rule, as code: whether this peer may have this request carried out. The only maker of a Permit. It reads
// facts and changes nothing.
#pragma once

#include <expected>
#include <optional>
#include <variant>

#include "protocol/request.h"
#include "secshr/helper.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/peer.h"
#include "secshr/permit.h"

namespace secshr {

// What may be put into which header: the descriptor belongs to the report that the permit was made from.
struct HeaderFlush {
  int file = -1;
  protocol::IpcIds expected;
  protocol::IpcIds wanted;
};

using AnyPermit = std::variant<Permit<protocol::Ping>, Permit<HeaderFlush>>;

// What a request of this kind needs before it can be judged.
enum class Evidence { none, look };
[[nodiscard]] Evidence evidence_needed(const protocol::Request& request) noexcept;

class Authorizer {
 public:
  explicit Authorizer(Kernel& kernel) noexcept : kernel_(kernel) {}

  // `seen` is what the looker reported, where evidence_needed() asked for a look.
  [[nodiscard]] std::expected<AnyPermit, Denied> authorize(const Peer& peer, const protocol::Request& request,
                                                           const std::optional<Seen>& seen) noexcept;

 private:
  std::expected<AnyPermit, Denied> flush(const Peer& peer, const protocol::FlushHeader& request,
                                         const Seen& seen) noexcept;
  [[nodiscard]] bool holds(const Peer& peer, std::int32_t semid, const SemaphoreSetFacts& set) noexcept;
  std::optional<Denied> denial_of_close(const Peer& peer, const LookReport& report) noexcept;
  std::optional<Denied> denial_of_open(const Peer& peer, const protocol::IpcIds& wanted,
                                       const protocol::IpcIds& found) noexcept;

  Kernel& kernel_;
};

}  // namespace secshr
