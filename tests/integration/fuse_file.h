// One file on a file system of its own, whose writes end as the test says: a server of the raw FUSE protocol, for
// failures that no other file system has at hand.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "system/descriptor.h"

namespace secshr::test {

// What comes of a write: of each but `cut_short`, which is for the next one only.
enum class WriteEnd : std::uint32_t {
  done,
  no_space,   // ENOSPC
  broken,     // EIO
  cut_short,  // its first ten bytes are taken
  hung,       // neither taken nor refused until another end is set
};

class FuseFile {
 public:
  // Mounts the file system at the directory. Where the machine has no FUSE, is_there() is false.
  FuseFile(std::string directory, const std::string& contents);
  FuseFile(const FuseFile&) = delete;
  FuseFile& operator=(const FuseFile&) = delete;
  ~FuseFile();

  [[nodiscard]] bool is_there() const { return mounted_; }
  [[nodiscard]] std::string path() const { return directory_ + "/" + name; }  // mode 0444, root's
  // As the server has it.
  [[nodiscard]] std::string contents() const;
  [[nodiscard]] unsigned writes() const;  // that were asked for
  void end_writes_with(WriteEnd end);

  static constexpr const char* name = "mumps.dat";

 private:
  struct Shared;
  friend class FuseServer;

  std::string directory_;
  Shared* shared_;
  Descriptor device_;
  pid_t server_ = -1;
  bool mounted_ = false;
};

}  // namespace secshr::test
