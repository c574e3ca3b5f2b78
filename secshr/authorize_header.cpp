// Which ids this peer may put into a database header, and when it may take them out. What the objects themselves say,
// whoever asks, is header_ids.h's.
#include <cerrno>

#include "secshr/authorize.h"
#include "secshr/header_ids.h"
#include "secshr/ipc_permission.h"

namespace secshr {

using protocol::IpcIds;

Authorizer::Decision Authorizer::flush(const Peer& peer, const protocol::FlushHeader& request,
                                       const Seen& seen) noexcept {
  if (const auto denied = denial_of_look(seen.report)) return std::unexpected(*denied);
  if (!seen.file) return std::unexpected(Denied{rule::header_read, EPERM});
  const IpcIds& found = seen.report.ids;
  // Maps alone can be forged, with a segment of another IPC namespace, so that the requester must also hold the
  // semaphore set.
  const auto attached = request.closing() && seen.report.maps_header_segment && holds(peer, seen, found.semid)
                            ? Attached::requester
                            : Attached::nobody;
  auto denied = request.closing() ? denial_of_close(peer, seen) : denial_of_open(peer, seen, request.ids);
  if (!denied) denied = denial_by_objects(kernel_, request.ids, found, attached);
  if (denied) return std::unexpected(*denied);
  return Permit<HeaderFlush>({seen.file.get(), found, request.ids, attached});
}

// Whether the set is the peer's own, or the peer was the last to operate on its member 0, as a client that holds it
// was. To wait until a member is 0 is an operation, too, and takes no more than read permission: who may not alter
// the set does not hold it.
bool Authorizer::holds(const Peer& peer, const Seen& seen, std::int32_t semid) noexcept {
  if (semid < 0) return false;
  const auto set = kernel_.semaphore_set(semid);
  return set && holds(peer, seen, semid, *set);
}

bool Authorizer::holds(const Peer& peer, const Seen& seen, std::int32_t semid,
                       const SemaphoreSetFacts& set) noexcept {
  if (set.object.cuid == peer.credentials.uid) return true;
  if (!seen.report.knows_groups || !ipc_permits(set.object, rights_of(peer, seen), ipc_alter)) return false;
  const auto last = kernel_.last_operation_pid(semid, set);
  return last && is_of(peer, *last);
}

// Where the semaphore set that the header names lives, it is the requester's own, or one that it holds, as a client
// that closes does.
std::optional<Denied> Authorizer::denial_of_close(const Peer& peer, const Seen& seen) noexcept {
  constexpr Denied live{rule::header_live, EBUSY};
  const IpcIds& found = seen.report.ids;
  if (found.semid < 0) return std::nullopt;
  const auto set = kernel_.semaphore_set(found.semid);
  if (!set) return is_gone(set.error()) ? std::nullopt : std::optional(live);
  if (set->object.ctime != found.sem_ctime || holds(peer, seen, found.semid, *set)) return std::nullopt;
  return live;
}

// Each object was made by the requester, or the header names it already. Adding a segment to stand-alone access with
// somebody else's set takes more: to hold that set, as a client that opens does.
std::optional<Denied> Authorizer::denial_of_open(const Peer& peer, const Seen& seen, const IpcIds& wanted) noexcept {
  constexpr Denied wrong{rule::header_ids, EPERM};
  const IpcIds& found = seen.report.ids;
  const bool set_in_header = found.semid == wanted.semid && found.sem_ctime == wanted.sem_ctime;
  const bool segment_in_header = found.shmid == wanted.shmid && found.shm_ctime == wanted.shm_ctime;

  const auto set = kernel_.semaphore_set(wanted.semid);
  if (!set) return wrong;
  if (set->object.cuid != peer.credentials.uid) {
    const bool adds_segment = wanted.shmid >= 0 && !segment_in_header;
    if (!set_in_header || (adds_segment && !holds(peer, seen, wanted.semid, *set))) return wrong;
  }
  if (wanted.shmid >= 0 && !segment_in_header) {
    const auto segment = kernel_.segment(wanted.shmid);
    if (!segment || segment->object.cuid != peer.credentials.uid) return wrong;
  }
  if (forgets_own_segment(peer, wanted, found)) return Denied{rule::header_live, EBUSY};
  return std::nullopt;
}

// Whether the header names a segment of the peer's own that somebody is attached to, and would name other objects:
// one file would then be in use twice. Whatever the segment's time, since its owner and its creator can move that at
// will. Of a stranger's segment nothing follows: a header that was not closed before a reboot names whatever has that
// id by now. The writer, which knows no peer, does not ask this again: who attaches between the two looks found the
// ids of a header whose times no longer hold.
bool Authorizer::forgets_own_segment(const Peer& peer, const IpcIds& wanted, const IpcIds& found) noexcept {
  if (found.shmid < 0 || (found.shmid == wanted.shmid && found.semid == wanted.semid)) return false;
  const auto segment = kernel_.segment(found.shmid);
  if (!segment || segment->attach_count == 0) return false;
  return segment->object.uid == peer.credentials.uid || segment->object.cuid == peer.credentials.uid;
}

}  // namespace secshr
