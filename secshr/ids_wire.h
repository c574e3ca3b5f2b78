// IpcIds in the layout of a database header, for the messages between our own processes.
#pragma once

#include "protocol/request.h"
#include "protocol/wire_reader.h"
#include "protocol/wire_writer.h"

namespace secshr {

inline void put_ids(protocol::WireWriter& writer, const protocol::IpcIds& ids) noexcept {
  writer.i32(ids.semid);
  writer.i32(ids.shmid);
  writer.i64(ids.sem_ctime);
  writer.i64(ids.shm_ctime);
}

[[nodiscard]] inline protocol::IpcIds take_ids(protocol::WireReader& reader) noexcept {
  protocol::IpcIds ids;
  ids.semid = reader.i32();
  ids.shmid = reader.i32();
  ids.sem_ctime = reader.i64();
  ids.shm_ctime = reader.i64();
  return ids;
}

}  // namespace secshr
