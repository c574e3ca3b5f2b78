// System V objects as root sees and arranges them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <ostream>

namespace secshr::test {

struct IpcEntry {
  uid_t uid = 0;
  uid_t cuid = 0;
  gid_t gid = 0;
  gid_t cgid = 0;
  unsigned mode = 0;
  std::int64_t ctime = 0;
  friend bool operator==(const IpcEntry&, const IpcEntry&) = default;
};
std::ostream& operator<<(std::ostream& out, const IpcEntry& entry);

// By id.
struct IpcListing {
  std::map<int, IpcEntry> sets;
  std::map<int, IpcEntry> segments;
  friend bool operator==(const IpcListing&, const IpcListing&) = default;
};
std::ostream& operator<<(std::ostream& out, const IpcListing& listing);
IpcListing all_ipc_objects();

// IPC_SET: owner, owner's group and mode. The creator's stay.
void give_set(int semid, uid_t uid, gid_t gid, unsigned mode);
void give_segment(int shmid, uid_t uid, gid_t gid, unsigned mode);

}  // namespace secshr::test
