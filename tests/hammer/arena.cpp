#include "tests/hammer/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/fail.h"

namespace secshr::test {

// The pages are made as they are used, full of zeros: which is what all that is in it begins with.
Arena* Arena::make() {
  void* const memory =
      ::mmap(nullptr, sizeof(Arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return static_cast<Arena*>(memory);
}

void Arena::release(Arena* arena) {
  if (arena != nullptr) (void)::munmap(arena, sizeof(Arena));
}

void Arena::pause() {
  paused_.store(true);
}

void Arena::go_on() {
  paused_.store(false);
}

void Arena::wait_to_go_on() {
  ++waiting_;
  while (paused_.load()) (void)::usleep(1000);
  --waiting_;
}

void Arena::note(Thing thing, bool made, int id, const ObjectRights& rights, std::string_view name) {
  Slot& slot = slots_[noted_++ % capacity];
  slot.entry = {thing, made, id, rights, {}};
  name.copy(slot.entry.name.data(), slot.entry.name.size() - 1);
  slot.is_written.store(true);
}

std::vector<JournalEntry> Arena::take_journal() {
  const std::size_t end = noted_.load();
  if (end - taken_ > capacity) fail("the journal is too short");
  std::vector<JournalEntry> entries;
  for (; taken_ < end; ++taken_) {
    Slot& slot = slots_[taken_ % capacity];
    if (!slot.is_written.exchange(false)) fail("the journal has a gap");
    entries.push_back(slot.entry);
  }
  return entries;
}

// What is being written over meanwhile is a strange request at worst.
bool Arena::recent(Random& random, Thing thing, JournalEntry& found) const {
  constexpr std::size_t horizon = 512;
  const std::size_t end = noted_.load();
  const std::size_t known = std::min(end, horizon);
  for (int attempt = 0; attempt < 8 && known > 0; ++attempt) {
    const Slot& slot = slots_[(end - 1 - random.below(known)) % capacity];
    if (slot.entry.made && slot.entry.thing == thing) {
      found = slot.entry;
      return true;
    }
  }
  return false;
}

}  // namespace secshr::test
