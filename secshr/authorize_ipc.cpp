// Whose semaphore sets and segments may be removed: those that the client could empty of all meaning by itself, and
// that nobody else is using.
#include <cerrno>

#include "secshr/authorize.h"
#include "secshr/ipc_permission.h"

namespace secshr {
namespace {

Denied denied(const char* rule, std::int32_t code, const IpcObject& object) noexcept {
  return {rule, code, ObjectFacts{object.uid, object.mode}};
}

// EINVAL and EIDRM are the kernel's word that there is no such object, which is what stock clients are told.
Denied missing(int error) noexcept {
  return {rule::none, error == EIDRM ? EINVAL : error};
}

}  // namespace

// What holds for both: it is not root's alone, and the client itself may do with it what is `wanted`.
std::optional<Denied> Authorizer::denial_of_object(const IpcObject& object, const Rights& rights, unsigned wanted,
                                                   const char* rule) const noexcept {
  if (object.uid == 0 && object.cuid == 0 && !policy_.allow_root_objects)
    return denied(rule::ipc_root, EPERM, object);
  if (!ipc_permits(object, rights, wanted)) return denied(rule, EPERM, object);
  return std::nullopt;
}

// Whether whoever operated on member 0 last is the peer or has ended, so that nobody relies on the set. pid 0 without
// any operation says that nobody ever has; after one it is somebody whom we cannot see.
bool Authorizer::is_left(const Peer& peer, std::int32_t semid, const SemaphoreSetFacts& set) noexcept {
  const auto last = kernel_.last_operation_pid(semid, set);
  if (!last) return false;
  if (is_of(peer, *last)) return true;
  if (*last == 0) return set.otime == 0;
  return has_ended(*last);
}

Authorizer::Decision Authorizer::removal(const Peer& peer, const protocol::RemoveSemaphoreSet& request,
                                         const Seen& seen) noexcept {
  if (const auto denial = denial_of_look(seen.report)) return std::unexpected(*denial);
  const auto set = kernel_.semaphore_set(request.semid);
  if (!set) return std::unexpected(missing(set.error()));
  if (const auto denial = denial_of_object(set->object, rights_of(peer, seen), ipc_alter, rule::semaphore_alter)) {
    return std::unexpected(*denial);
  }
  if (!is_left(peer, request.semid, *set)) return std::unexpected(denied(rule::semaphore_last, EBUSY, set->object));
  return Permit<SemaphoreSetRemoval>({request.semid, *set});
}

Authorizer::Decision Authorizer::removal(const Peer& peer, const protocol::RemoveSegment& request,
                                         const Seen& seen) noexcept {
  if (const auto denial = denial_of_look(seen.report)) return std::unexpected(*denial);
  const auto segment = kernel_.segment(request.shmid);
  if (!segment) return std::unexpected(missing(segment.error()));
  if (const auto denial =
          denial_of_object(segment->object, rights_of(peer, seen), ipc_read_write, rule::segment_access)) {
    return std::unexpected(*denial);
  }
  if (segment->attach_count != 0) {
    return std::unexpected(denied(rule::segment_attached, EBUSY, segment->object));
  }
  return Permit<SegmentRemoval>({request.shmid, *segment});
}

}  // namespace secshr
