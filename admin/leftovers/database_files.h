// Database files, found by their header: those that are named, and those below a directory.
//
// What lies in a user's directory is that user's choice. No link is followed and no file system left; only regular
// files are opened, for reading, without waiting for anything; of each only the header is read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "admin/failure.h"
#include "protocol/request.h"

namespace secshr::admin {

struct DatabaseFile {
  std::string path;  // absolute, without links
  uid_t owner = 0;
  int format = 0;         // 6 or 7
  protocol::IpcIds ids;   // as the header has them
  std::uint32_t key = 0;  // of the semaphore set by which those who open it find each other
};

struct DatabaseSearch {
  std::vector<DatabaseFile> found;    // by path, each once
  std::vector<std::string> not_seen;  // "PATH: why", of what could not be looked into
};

// Of `files` each must be a database; of those below `directories` whatever is none is passed over.
DatabaseSearch find_databases(const std::vector<std::string>& files, const std::vector<std::string>& directories);

}  // namespace secshr::admin
