// Which ids this peer may put into a database header, and when it may take them out. What the objects themselves say,
// whoever asks, is header_ids.h's.
#include <cerrno>

#include "secshr/authorize.h"
#include "secshr/header_ids.h"

namespace secshr {

using protocol::IpcIds;

Authorizer::Decision Authorizer::flush(const Peer& peer, const protocol::FlushHeader& request,
                                       const Seen& seen) noexcept {
  if (const auto denied = denial_of_look(seen.report)) return std::unexpected(*denied);
  if (!seen.file) return std::unexpected(Denied{rule::header_read, EPERM});
  const IpcIds& found = seen.report.ids;
  // Maps alone can be forged, with a segment of another IPC namespace, so that the requester must also hold the
  // semaphore set.
  const auto attached = request.closing() && seen.report.maps_header_segment && holds(peer, found.semid)
                            ? Attached::requester
                            : Attached::nobody;
  auto denied = request.closing() ? denial_of_close(peer, found) : denial_of_open(peer, request.ids, found);
  if (!denied) denied = denial_by_objects(kernel_, request.ids, found, attached);
  if (denied) return std::unexpected(*denied);
  return Permit<HeaderFlush>({seen.file.get(), found, request.ids, attached});
}

// Whether the set is the peer's own, or the peer was the last to operate on its member 0, as a client that holds it
// was.
bool Authorizer::holds(const Peer& peer, std::int32_t semid) noexcept {
  if (semid < 0) return false;
  const auto set = kernel_.semaphore_set(semid);
  return set && holds(peer, semid, *set);
}

bool Authorizer::holds(const Peer& peer, std::int32_t semid, const SemaphoreSetFacts& set) noexcept {
  if (set.object.cuid == peer.credentials.uid) return true;
  const auto last = kernel_.last_operation_pid(semid, set);
  return last && *last == peer.credentials.pid;
}

// Where the semaphore set that the header names lives, it is the requester's own, or one that it holds, as a client
// that closes does.
std::optional<Denied> Authorizer::denial_of_close(const Peer& peer, const IpcIds& found) noexcept {
  constexpr Denied live{rule::header_live, EBUSY};
  if (found.semid < 0) return std::nullopt;
  const auto set = kernel_.semaphore_set(found.semid);
  if (!set) return is_gone(set.error()) ? std::nullopt : std::optional(live);
  if (set->object.ctime != found.sem_ctime || holds(peer, found.semid, *set)) return std::nullopt;
  return live;
}

// Each object was made by the requester, or the header names it already. Adding a segment to stand-alone access with
// somebody else's set takes more: to hold that set, as a client that opens does.
std::optional<Denied> Authorizer::denial_of_open(const Peer& peer, const IpcIds& wanted,
                                                 const IpcIds& found) noexcept {
  constexpr Denied wrong{rule::header_ids, EPERM};
  const bool set_in_header = found.semid == wanted.semid && found.sem_ctime == wanted.sem_ctime;
  const bool segment_in_header = found.shmid == wanted.shmid && found.shm_ctime == wanted.shm_ctime;

  const auto set = kernel_.semaphore_set(wanted.semid);
  if (!set) return wrong;
  if (set->object.cuid != peer.credentials.uid) {
    const bool adds_segment = wanted.shmid >= 0 && !segment_in_header;
    if (!set_in_header || (adds_segment && !holds(peer, wanted.semid, *set))) return wrong;
  }
  if (wanted.shmid >= 0 && !segment_in_header) {
    const auto segment = kernel_.segment(wanted.shmid);
    if (!segment || segment->object.cuid != peer.credentials.uid) return wrong;
  }
  return std::nullopt;
}

}  // namespace secshr
