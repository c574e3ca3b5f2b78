// What the processes of a hammer share: whether to go on, what each has done, and a journal of every semaphore set,
// segment and name in the served directory that they made, or removed by themselves. Whatever else vanishes, the
// broker has removed.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/hammer/random.h"

namespace secshr::test {

enum class Thing : std::uint8_t { set, segment, name };

// What the kernel judges access to a System V object by. Owner and creator are the same user here.
struct ObjectRights {
  uid_t uid = 0;
  gid_t creators_group = 0;
  gid_t group = 0;
  unsigned mode = 0;
};

struct JournalEntry {
  Thing thing = Thing::name;
  bool made = false;  // or removed
  int id = -1;
  ObjectRights rights;
  std::array<char, 40> name{};
};

inline constexpr std::size_t hostile_acts = 16;

// Of one hostile process and its children.
struct Tally {
  std::atomic<std::uint64_t> datagrams = 0;  // that the kernel took
  std::atomic<std::uint64_t> replies = 0;
  std::atomic<std::uint64_t> killed = 0;  // children that may have sent one more than they said
  std::array<std::atomic<std::uint64_t>, hostile_acts> acts{};
  std::atomic<bool> has_fault = false;
  std::array<char, 256> fault{};  // the first
};

class Arena {
 public:
  static constexpr std::size_t most_processes = 16;

  // Shared memory that lives as long as anybody has it.
  static Arena* make();
  static void release(Arena* arena);

  // Of whoever runs the hammer: all stop what they do and wait, without a child; all go on.
  void pause();
  [[nodiscard]] bool all_wait(std::size_t processes) const { return waiting_.load() == processes; }
  void go_on();
  // Of a hostile process, between two acts.
  [[nodiscard]] bool should_pause() const { return paused_.load(); }
  void wait_to_go_on();

  // By those who did it, after they did. A name longer than the journal's is cut, and nothing good comes of it.
  void note(Thing thing, bool made, int id, const ObjectRights& rights, std::string_view name);
  // While all wait: what has been noted since the last call.
  std::vector<JournalEntry> take_journal();
  // One of the last that anybody made; false where there is none yet.
  bool recent(Random& random, Thing thing, JournalEntry& found) const;

  std::array<Tally, most_processes> tallies;
  std::array<std::atomic<pid_t>, most_processes> pids{};
  // Whose name in the served directory is free for another user to take, and whether that has taken it; 0: nobody's.
  std::atomic<pid_t> offered = 0;
  std::atomic<uid_t> offered_by = 0;
  std::atomic<bool> is_taken = false;

 private:
  static constexpr std::size_t capacity = 1 << 20;
  struct Slot {
    std::atomic<bool> is_written = false;
    JournalEntry entry;
  };

  std::atomic<bool> paused_ = false;
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> noted_ = 0;
  std::size_t taken_ = 0;
  std::array<Slot, capacity> slots_;
};

}  // namespace secshr::test
