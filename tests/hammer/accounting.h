// Holds what is there against who made it, who removed it by themselves, and what the audit log says was done for
// whom: nothing may vanish without a line, no line may tell of what did not happen, and none of what its client may
// not do by the kernel's own rule.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/request.h"
#include "tests/hammer/arena.h"
#include "tests/integration/broker_fixture.h"

namespace secshr::test {

class Accounting {
 public:
  // Everybody whose requests may be done.
  explicit Accounting(const std::vector<Identity>& people);

  // What was made, and what its owner has removed.
  void note(const JournalEntry& entry);
  void made(Thing thing, int id, const ObjectRights& rights) { note({thing, true, id, rights, {}}); }
  void made_name(const std::string& name);
  // A database of which every change is accounted for. Whose header it may be is asked of whoever made the set.
  void watch_header(const std::string& path);
  // Looked at as often as may be: no more different headers may be seen than the log tells of.
  void look_at_headers();

  // Then the lines that came meanwhile.
  void note(const LogRecord& line);
  // When nobody does anything: what is there is what must be. Fails the running test where it is not.
  void compare();

  // Of all lines and counts so far.
  struct Sum {
    std::uint64_t done = 0, refused = 0, failed = 0, dropped = 0;  // lines of requests
    std::uint64_t leftovers = 0, late = 0;
    std::uint64_t served = 0, withheld = 0;        // counted without lines
    std::map<std::string, std::uint64_t> changes;  // done, by request
    std::map<std::string, std::uint64_t> events;
  };
  [[nodiscard]] const Sum& sum() const { return sum_; }

 private:
  struct Known {
    ObjectRights rights;
    bool is_gone = false;
  };
  struct Header {
    std::string image;
    protocol::IpcIds ids;
    std::uint64_t seen_changes = 0;
    std::vector<LogRecord> lines;
  };
  using Key = std::pair<Thing, int>;

  [[nodiscard]] bool may(uid_t uid, const ObjectRights& rights, unsigned wanted) const;
  void note_removal(Thing thing, const LogRecord& line);
  void note_removed_name(const LogRecord& line);
  void note_change(const LogRecord& line);
  void compare_objects();
  void compare_names() const;
  void compare_header(const std::string& path, Header& header);

  std::map<uid_t, Identity> people_;
  std::map<Key, Known> objects_;
  std::map<std::pair<Thing, int>, uid_t> makers_;  // of sets, for headers
  std::map<std::string, int> names_;
  std::map<std::string, Header> headers_;
  std::uint64_t sequence_ = 0;
  Sum sum_;
};

}  // namespace secshr::test
