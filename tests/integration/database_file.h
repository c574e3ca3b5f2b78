// Database files and the System V objects that their headers name, made as whoever the test wants.
#pragma once

#include <sys/types.h>

#include <string>

#include "protocol/request.h"
#include "tests/integration/client.h"

namespace secshr::test {

inline const std::string label_v6("GDSDYNUNX03\0", 12);
inline const std::string label_v7("GDSDYNUNX04\0", 12);

// The beginning of a database file: label, a minor version, the ids at their place, and everywhere else bytes that
// show when they are touched.
struct DatabaseImage {
  std::string label = label_v7;
  unsigned minor_version = 27;
  protocol::IpcIds ids = protocol::closed_ids;
  std::size_t size = 8192;
  [[nodiscard]] std::string text() const;
};
// The image of an existing one with other ids.
std::string with_ids(std::string image, const protocol::IpcIds& ids);

// Made by the client, for everybody (0666) where nothing else is said; the id, or the test fails.
int make_set(Client& client, int mode = 0666);
int make_segment(Client& client, int mode = 0666);
// The ids of live objects together with their times; -1 leaves the segment out.
protocol::IpcIds ids_of(int semid, int shmid = -1);
bool set_exists(int semid);
bool segment_exists(int shmid);
void remove_set(int semid);
void remove_segment(int shmid);

// 0 or an errno, in the client's process.
int attach(Client& client, int shmid);
int detach(Client& client);
// One operation on member 0, so that the client is the last one that operated on it.
int operate_on(Client& client, int semid);

}  // namespace secshr::test
