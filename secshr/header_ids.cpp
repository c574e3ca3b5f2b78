#include "secshr/header_ids.h"

#include <cerrno>

namespace secshr {
namespace {

using protocol::IpcIds;

constexpr Denied wrong{rule::header_ids, EPERM};
constexpr Denied live{rule::header_live, EBUSY};

// Whoever still uses the database relies on the ids. Attaches count whatever the segment's time: its creator can move
// that at will.
std::optional<Denied> denial_of_close(IpcObjects& objects, const IpcIds& found, Attached attached) noexcept {
  if (found.shmid < 0) return std::nullopt;
  const auto segment = objects.segment(found.shmid);
  if (!segment) return is_gone(segment.error()) ? std::nullopt : std::optional(live);
  const std::uint64_t allowed = attached == Attached::requester ? 1 : 0;
  return segment->attach_count <= allowed ? std::nullopt : std::optional(live);
}

// Each named object is there, and nothing live that the header names is forgotten.
std::optional<Denied> denial_of_open(IpcObjects& objects, const IpcIds& wanted, const IpcIds& found) noexcept {
  const auto set = objects.semaphore_set(wanted.semid);
  if (!set || set->object.ctime != wanted.sem_ctime) return wrong;
  if (wanted.shmid >= 0) {
    const auto segment = objects.segment(wanted.shmid);
    if (!segment || segment->object.ctime != wanted.shm_ctime) return wrong;
  }
  if (found.semid >= 0 && (found.semid != wanted.semid || found.sem_ctime != wanted.sem_ctime)) {
    const auto other = objects.semaphore_set(found.semid);
    if (other ? other->object.ctime == found.sem_ctime : !is_gone(other.error())) return live;
  }
  if (found.shmid >= 0 && (found.shmid != wanted.shmid || found.shm_ctime != wanted.shm_ctime)) {
    const auto other = objects.segment(found.shmid);
    if (other ? other->object.ctime == found.shm_ctime : !is_gone(other.error())) return live;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Denied> denial_by_objects(IpcObjects& objects, const IpcIds& wanted, const IpcIds& found,
                                        Attached attached) noexcept {
  if (wanted == protocol::closed_ids) return denial_of_close(objects, found, attached);
  return denial_of_open(objects, wanted, found);
}

}  // namespace secshr
