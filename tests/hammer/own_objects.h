// The System V objects and the names in the served directory that a hostile process makes and removes, each noted in
// the journal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/request.h"
#include "system/descriptor.h"
#include "tests/hammer/arena.h"
#include "tests/support/run_as.h"

namespace secshr::test {

class OwnObjects {
 public:
  OwnObjects(Arena& arena, Random& random, const Identity& identity)
      : arena_(arena), random_(random), identity_(identity) {}

  // The id, or -1 where the kernel makes none. The oldest goes where there are many.
  int make_set();
  int make_segment();
  // Removed by its owner, whatever the broker is doing with it.
  void remove_set(int semid);
  void remove_segment(int shmid);
  // As a header names them; closed where there are none.
  [[nodiscard]] protocol::IpcIds some_ids();
  [[nodiscard]] int some_set();
  [[nodiscard]] int some_segment();

  // Names in the served directory. What has the name already stays, and these return false.
  bool bind_name(int socket, const std::string& name);
  bool make_file(const std::string& name);
  bool make_fifo(const std::string& name);
  bool make_link(const std::string& name, const std::string& target);
  bool unlink_name(const std::string& name);
  // Both must be there.
  static bool exchange(const std::string& one, const std::string& other);

 private:
  struct Object {
    int id = -1;
    std::int64_t ctime = 0;
  };
  static constexpr std::size_t most = 24;

  [[nodiscard]] ObjectRights some_rights();
  bool note_name(bool done, bool made, const std::string& name);

  Arena& arena_;
  Random& random_;
  const Identity& identity_;
  std::vector<Object> sets_;
  std::vector<Object> segments_;
};

}  // namespace secshr::test
