#include "secshr/authorize.h"

#include <cerrno>
#include <utility>

namespace secshr {
namespace {

using protocol::IpcIds;

// How a request is judged: what it needs, and whether it is served at all.
struct Row {
  Evidence evidence = Evidence::none;
  bool served = false;
};

constexpr Row row_of(const protocol::Request& request) {
  switch (protocol::code_of(request)) {
    case protocol::RequestCode::ping:
      return {Evidence::none, true};
    case protocol::RequestCode::flush_header:
      return {Evidence::look, true};
    case protocol::RequestCode::wake:
    case protocol::RequestCode::continue_process:
    case protocol::RequestCode::remove_semaphore_set:
    case protocol::RequestCode::remove_segment:
    case protocol::RequestCode::remove_file:
      return {Evidence::none, false};
  }
  return {};
}

// The kernel's word that there is no such object, or that it is being removed. After any other error it may live.
bool is_gone(int error) {
  return error == EINVAL || error == EIDRM;
}

std::optional<Denied> denial_of_look(const LookReport& report) {
  switch (report.verdict) {
    case LookVerdict::seen:
      return std::nullopt;
    case LookVerdict::peer_gone:
      return Denied{rule::none, ESRCH};
    case LookVerdict::peer_mixed:
      return Denied{rule::peer_mixed, EPERM};
    case LookVerdict::other_namespace:
      return Denied{rule::peer_namespace, EPERM};
    case LookVerdict::wrong_type:
    case LookVerdict::not_a_database:
      return Denied{rule::header_type, EPERM};
    case LookVerdict::unreadable:
      if (report.error == ENOENT || report.error == ENOTDIR) return Denied{rule::none, ENOENT};
      if (report.error == EAGAIN) return Denied{rule::header_read, EBUSY};  // somebody holds a lease on it
      return Denied{rule::header_read, EPERM};
  }
  return Denied{rule::header_read, EPERM};
}

}  // namespace

Evidence evidence_needed(const protocol::Request& request) noexcept {
  return row_of(request).evidence;
}

std::expected<AnyPermit, Denied> Authorizer::authorize(const Peer& peer, const protocol::Request& request,
                                                       const std::optional<Seen>& seen) noexcept {
  if (!row_of(request).served) return std::unexpected(Denied{rule::not_served, EPERM});
  if (const auto* ping = std::get_if<protocol::Ping>(&request)) return Permit<protocol::Ping>(*ping);
  if (const auto* flush_request = std::get_if<protocol::FlushHeader>(&request); flush_request != nullptr && seen) {
    return flush(peer, *flush_request, *seen);
  }
  return std::unexpected(Denied{rule::not_served, EPERM});
}

std::expected<AnyPermit, Denied> Authorizer::flush(const Peer& peer, const protocol::FlushHeader& request,
                                                   const Seen& seen) noexcept {
  if (const auto denied = denial_of_look(seen.report)) return std::unexpected(*denied);
  if (!seen.file) return std::unexpected(Denied{rule::header_read, EPERM});
  const auto denied =
      request.closing() ? denial_of_close(peer, seen.report) : denial_of_open(peer, request.ids, seen.report.ids);
  if (denied) return std::unexpected(*denied);
  return Permit<HeaderFlush>({seen.file.get(), seen.report.ids, request.ids});
}

// Whether the set is the peer's own, or the peer was the last to operate on its member 0, as a client that holds it
// was.
bool Authorizer::holds(const Peer& peer, std::int32_t semid, const SemaphoreSetFacts& set) noexcept {
  if (set.cuid == peer.credentials.uid) return true;
  const auto last = kernel_.last_operation_pid(semid, set);
  return last && *last == peer.credentials.pid;
}

// Closing takes the ids out of the header, on which whoever still uses the database relies: so nobody but the
// requester is attached to the segment; and where the semaphore set lives, it is the requester's own, or one that it
// holds, as a client that closes does.
std::optional<Denied> Authorizer::denial_of_close(const Peer& peer, const LookReport& report) noexcept {
  constexpr Denied live{rule::header_live, EBUSY};
  const IpcIds& header = report.ids;
  const auto set = header.semid >= 0 ? kernel_.semaphore_set(header.semid) : std::unexpected(EINVAL);
  if (!set && !is_gone(set.error())) return live;
  if (header.shmid >= 0) {
    const auto segment = kernel_.segment(header.shmid);
    if (!segment && !is_gone(segment.error())) return live;
    // Attaches count whatever the segment's time: its creator can move that at will. Maps alone can be forged, with a
    // segment of another IPC namespace, so that the requester must also hold the semaphore set.
    const bool only_requester =
        segment && segment->attach_count == 1 && report.maps_header_segment && set && holds(peer, header.semid, *set);
    if (segment && segment->attach_count != 0 && !only_requester) return live;
  }
  if (!set || set->ctime != header.sem_ctime || holds(peer, header.semid, *set)) return std::nullopt;
  return live;
}

// Opening puts ids into the header. Each named object was made by the requester, or the header names it already; and
// nothing live that the header names is forgotten.
std::optional<Denied> Authorizer::denial_of_open(const Peer& peer, const IpcIds& wanted,
                                                 const IpcIds& found) noexcept {
  const auto set = kernel_.semaphore_set(wanted.semid);
  if (!set || set->ctime != wanted.sem_ctime) return Denied{rule::header_ids, EPERM};
  const bool set_in_header = found.semid == wanted.semid && found.sem_ctime == wanted.sem_ctime;
  const bool segment_in_header = found.shmid == wanted.shmid && found.shm_ctime == wanted.shm_ctime;
  if (set->cuid != peer.credentials.uid) {
    // Somebody else's set counts where the header names it. Adding a segment to stand-alone access takes more: to
    // hold the set, as a client that opens does.
    const bool adds_segment = wanted.shmid >= 0 && !segment_in_header;
    if (!set_in_header || (adds_segment && !holds(peer, wanted.semid, *set))) {
      return Denied{rule::header_ids, EPERM};
    }
  }

  if (wanted.shmid >= 0) {
    const auto segment = kernel_.segment(wanted.shmid);
    if (!segment || segment->ctime != wanted.shm_ctime) return Denied{rule::header_ids, EPERM};
    if (segment->cuid != peer.credentials.uid && !segment_in_header) return Denied{rule::header_ids, EPERM};
  }

  if (found.semid >= 0 && !set_in_header) {
    const auto other = kernel_.semaphore_set(found.semid);
    if (other ? other->ctime == found.sem_ctime : !is_gone(other.error())) return Denied{rule::header_live, EBUSY};
  }
  if (found.shmid >= 0 && !segment_in_header) {
    const auto other = kernel_.segment(found.shmid);
    if (other ? other->ctime == found.shm_ctime : !is_gone(other.error())) return Denied{rule::header_live, EBUSY};
  }
  return std::nullopt;
}

}  // namespace secshr
