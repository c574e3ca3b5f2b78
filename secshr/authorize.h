// The one rule, as code: whether this peer may have this request carried out. The only maker of a Permit. It reads
// facts and changes nothing. Each kind of object has a file of its own: authorize_ipc.cpp, authorize_header.cpp,
// authorize_socket.cpp, authorize_process.cpp.
#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <variant>

#include "installation/lockdown.h"
#include "installation/restrictions.h"
#include "protocol/profile.h"
#include "protocol/request.h"
#include "protocol/socket_names.h"
#include "secshr/header_ids.h"
#include "secshr/helper.h"
#include "secshr/kernel.h"
#include "secshr/outcome.h"
#include "secshr/peer.h"
#include "secshr/permit.h"

namespace secshr {

// What may be done. Descriptors and views belong to the evidence that the permit was made from.
struct HeaderFlush {
  int file = -1;
  protocol::IpcIds expected;
  protocol::IpcIds wanted;
  Attached attached = Attached::nobody;
};
struct SemaphoreSetRemoval {
  std::int32_t semid = -1;
  SemaphoreSetFacts facts;
};
struct SegmentRemoval {
  std::int32_t shmid = -1;
  SegmentFacts facts;
};
struct SocketRemoval {
  int directory = -1;
  protocol::SocketName name;
  Rights rights;
  NamedSocket facts;
};
struct ProcessWake {
  int pidfd = -1;
};
struct ProcessContinue {
  int pidfd = -1;
};

using AnyPermit =
    std::variant<Permit<protocol::Ping>, Permit<HeaderFlush>, Permit<SemaphoreSetRemoval>, Permit<SegmentRemoval>,
                 Permit<SocketRemoval>, Permit<ProcessWake>, Permit<ProcessContinue>>;

// What a request of this kind has the looker look at before it can be judged, if anything.
[[nodiscard]] std::optional<LookAt> look_needed(const protocol::Request& request) noexcept;

// Where a request came in, and what was found out for it.
struct Evidence {
  const Seen* seen = nullptr;         // the looker's report, where look_needed() asks for one
  const Seen* client = nullptr;       // the client's own, where that is another and its groups are needed
  int process = -1;                   // the pidfd of the process that the request names
  int directory = -1;                 // of the socket that received it
  std::string_view sender_directory;  // how the client itself calls that directory, up to the last slash
};

struct Policy {
  const protocol::Profile* profile = nullptr;
  bool allow_root_objects = false;
  const Restrictions* restrictions = nullptr;  // nullptr: everything is served to everybody
  std::optional<Lockdown> lockdown = std::nullopt;
};

class Authorizer {
 public:
  Authorizer(Kernel& kernel, const Policy& policy) noexcept : kernel_(kernel), policy_(policy) {}

  using Decision = std::expected<AnyPermit, Denied>;
  [[nodiscard]] Decision authorize(const Peer& peer, const protocol::Request& request,
                                   const Evidence& evidence) noexcept;

  // What can be said of it before anything is looked at.
  [[nodiscard]] std::optional<Denied> not_served(const protocol::Request& request) const noexcept;
  // Or, of the peer, when it was looked at where that is needed: nothing else is asked or told before.
  [[nodiscard]] std::optional<Denied> denial_by_restriction(const Peer& peer, const protocol::Request& request,
                                                            const Evidence& evidence) const noexcept;
  // Whether the peer is served depends on its supplementary groups.
  [[nodiscard]] bool depends_on_groups(const Peer& peer, const protocol::Request& request) const noexcept;

  // A leftover socket that the peer met under a name of its own: by the same rules as one that a request names.
  [[nodiscard]] std::expected<Permit<SocketRemoval>, Denied> leftover(const Peer& peer,
                                                                      const protocol::LeftoverName& leftover,
                                                                      const Rights& rights, int directory) noexcept;

 private:
  // Why these rights are not served at all.
  [[nodiscard]] std::optional<Denied> denial_of_client(protocol::RequestCode code,
                                                       const Rights& rights) const noexcept;
  [[nodiscard]] const Restriction* restriction_of(protocol::RequestCode code) const noexcept;
  // authorize_header.cpp
  Decision flush(const Peer& peer, const protocol::FlushHeader& request, const Seen& seen) noexcept;
  std::optional<Denied> denial_of_close(const Peer& peer, const Seen& seen) noexcept;
  std::optional<Denied> denial_of_open(const Peer& peer, const Seen& seen, const protocol::IpcIds& wanted) noexcept;
  [[nodiscard]] bool forgets_own_segment(const Peer& peer, const protocol::IpcIds& wanted,
                                         const protocol::IpcIds& found) noexcept;
  [[nodiscard]] bool holds(const Peer& peer, const Seen& seen, std::int32_t semid) noexcept;
  [[nodiscard]] bool holds(const Peer& peer, const Seen& seen, std::int32_t semid,
                           const SemaphoreSetFacts& set) noexcept;
  // authorize_ipc.cpp
  Decision removal(const Peer& peer, const protocol::RemoveSemaphoreSet& request, const Seen& seen) noexcept;
  Decision removal(const Peer& peer, const protocol::RemoveSegment& request, const Seen& seen) noexcept;
  std::optional<Denied> denial_of_object(const IpcObject& object, const Rights& rights, unsigned wanted,
                                         const char* rule) const noexcept;
  [[nodiscard]] bool is_left(const Peer& peer, std::int32_t semid, const SemaphoreSetFacts& set) noexcept;
  // authorize_socket.cpp
  Decision removal(const Peer& peer, const protocol::RemoveFile& request, const Evidence& evidence) noexcept;
  // authorize_process.cpp
  static Decision wake(const Evidence& evidence) noexcept;
  static Decision resume(const Evidence& evidence) noexcept;

  [[nodiscard]] bool has_ended(pid_t pid) noexcept;
  // Whether that is the peer, and not one that has got its pid since.
  [[nodiscard]] bool is_of(const Peer& peer, pid_t pid) noexcept;

  Kernel& kernel_;
  Policy policy_;
};

// Why a look that did not see everything denies what it was for; nullopt: it saw everything.
[[nodiscard]] std::optional<Denied> denial_of_look(const LookReport& report) noexcept;

// The client as the looker has seen it.
[[nodiscard]] Rights rights_of(const Peer& peer, const Seen& seen) noexcept;

}  // namespace secshr
