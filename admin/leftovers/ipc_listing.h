// Every System V semaphore set and shared segment of this IPC namespace, as the kernel knows it. Nothing is attached
// to and no set is operated on: a look must leave no trace that others, or the next look, would take for a user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "admin/failure.h"

namespace secshr::admin {

enum class IpcKind : std::uint8_t { segment, set };

struct IpcFacts {
  IpcKind kind = IpcKind::segment;
  int id = -1;
  std::uint32_t key = 0;
  uid_t uid = 0;   // owner
  uid_t cuid = 0;  // creator
  gid_t gid = 0;
  unsigned mode = 0;
  std::uint64_t size = 0;  // bytes, or members
  std::int64_t made = 0;   // or last changed; seconds since the epoch, as all times
  std::int64_t used = 0;   // attached to, detached from, operated on: the last time; 0 never

  // Segments: who made it and who attached or detached last; sets: who operated last on each member. Each once, in
  // order. A process of another pid namespace has no number here and is not among them: `others_used` says that there
  // is one, where that can be told.
  std::vector<pid_t> pids;
  bool others_used = false;
  std::uint64_t attached = 0;  // of a segment
  bool awaited = false;        // of a set: processes wait for it
  // Of a set that has the form of a database's: how many processes have it open.
  std::optional<int> opened;
};

// By kind and id. Called as root: the members of others' sets are not for everybody to see.
Result<std::vector<IpcFacts>> list_ipc_objects();

}  // namespace secshr::admin
