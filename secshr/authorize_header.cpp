// Which ids may go into a database header, and when they may come out of it.
#include <cerrno>

#include "secshr/authorize.h"

namespace secshr {
namespace {

using protocol::IpcIds;

// The kernel's word that there is no such object, or that it is being removed. After any other error it may live.
bool is_gone(int error) {
  return error == EINVAL || error == EIDRM;
}

}  // namespace

Authorizer::Decision Authorizer::flush(const Peer& peer, const protocol::FlushHeader& request,
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
  if (set.object.cuid == peer.credentials.uid) return true;
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
  if (!set || set->object.ctime != header.sem_ctime || holds(peer, header.semid, *set)) return std::nullopt;
  return live;
}

// Opening puts ids into the header. Each named object was made by the requester, or the header names it already; and
// nothing live that the header names is forgotten.
std::optional<Denied> Authorizer::denial_of_open(const Peer& peer, const IpcIds& wanted,
                                                 const IpcIds& found) noexcept {
  const auto set = kernel_.semaphore_set(wanted.semid);
  if (!set || set->object.ctime != wanted.sem_ctime) return Denied{rule::header_ids, EPERM};
  const bool set_in_header = found.semid == wanted.semid && found.sem_ctime == wanted.sem_ctime;
  const bool segment_in_header = found.shmid == wanted.shmid && found.shm_ctime == wanted.shm_ctime;
  if (set->object.cuid != peer.credentials.uid) {
    // Somebody else's set counts where the header names it. Adding a segment to stand-alone access takes more: to
    // hold the set, as a client that opens does.
    const bool adds_segment = wanted.shmid >= 0 && !segment_in_header;
    if (!set_in_header || (adds_segment && !holds(peer, wanted.semid, *set))) {
      return Denied{rule::header_ids, EPERM};
    }
  }

  if (wanted.shmid >= 0) {
    const auto segment = kernel_.segment(wanted.shmid);
    if (!segment || segment->object.ctime != wanted.shm_ctime) return Denied{rule::header_ids, EPERM};
    if (segment->object.cuid != peer.credentials.uid && !segment_in_header) return Denied{rule::header_ids, EPERM};
  }

  if (found.semid >= 0 && !set_in_header) {
    const auto other = kernel_.semaphore_set(found.semid);
    if (other ? other->object.ctime == found.sem_ctime : !is_gone(other.error()))
      return Denied{rule::header_live, EBUSY};
  }
  if (found.shmid >= 0 && !segment_in_header) {
    const auto other = kernel_.segment(found.shmid);
    if (other ? other->object.ctime == found.shm_ctime : !is_gone(other.error()))
      return Denied{rule::header_live, EBUSY};
  }
  return std::nullopt;
}

}  // namespace secshr
