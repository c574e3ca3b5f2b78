#include "secshr/start/start_lines.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <ctime>

#include "counters/map_file.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

// A place is one word, so that it changes as a whole: the minute, how many starts had something to say in it, and
// whose they were. Nobody has used a place that is 0.
constexpr unsigned count_bits = 20;
constexpr unsigned uid_bits = 32;
constexpr std::uint64_t most = (std::uint64_t{1} << count_bits) - 1;
constexpr std::uint64_t minutes = (std::uint64_t{1} << (64 - count_bits - uid_bits)) - 1;  // until they come again

struct Place {
  std::uint64_t minute = 0;  // from 1
  std::uint64_t count = 0;
  uid_t uid = 0;
};

Place unpack(std::uint64_t word) noexcept {
  return {word >> (count_bits + uid_bits), (word >> uid_bits) & most, static_cast<uid_t>(word)};
}
std::uint64_t pack(const Place& place) noexcept {
  return place.minute << (count_bits + uid_bits) | place.count << uid_bits | place.uid;
}

constexpr std::uint64_t withheld_of(const Place& place) noexcept {
  return place.count - std::min<std::uint64_t>(place.count, limits::start_lines_per_minute);
}

// What the place is after one more start; nullopt where it is somebody else's.
std::optional<Place> counted(const Place& place, uid_t uid, std::uint64_t minute, bool is_shared) noexcept {
  // One that has still to be told of is kept, whatever its minute.
  if (place.minute != minute && withheld_of(place) == 0) return Place{minute, 1, uid};
  if (place.uid != uid && !is_shared) return std::nullopt;
  return Place{place.minute, std::min(place.count + 1, most), uid};
}

// Whether the line may be said; nullopt where the place is somebody else's.
std::optional<bool> count_in(std::uint64_t& word, uid_t uid, std::uint64_t minute, bool is_shared) noexcept {
  const std::atomic_ref place(word);
  std::uint64_t old = place.load();
  while (true) {
    const auto next = counted(unpack(old), uid, minute, is_shared);
    if (!next) return std::nullopt;
    if (place.compare_exchange_weak(old, pack(*next))) return withheld_of(*next) == 0;
  }
}

constexpr std::uint64_t short_minute(std::uint64_t minute) noexcept {
  return 1 + minute % minutes;
}

}  // namespace

std::uint64_t this_minute() noexcept {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);  // it exists
  return static_cast<std::uint64_t>(now.tv_sec) / 60;
}

StartLines StartLines::open(int directory, Missing missing) noexcept {
  const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const Descriptor file(::openat(directory, file_name, missing == Missing::make ? flags | O_CREAT : flags, 0600));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  // With its blocks: a store into a hole is a signal once the file system is full.
  if (::posix_fallocate(file.get(), 0, file_size) != 0) return {};
  auto page = map_file(file.get(), file_size, boost::interprocess::read_write);
  return page ? StartLines(*std::move(page)) : StartLines();
}

std::span<std::uint64_t> StartLines::words() const noexcept {
  auto* const first = static_cast<std::uint64_t*>(page_.get_address());
  return {first, first == nullptr ? 0 : places};
}

bool StartLines::may_say(uid_t uid, std::uint64_t minute) noexcept {
  const auto all = words();
  if (all.empty()) return true;
  const std::uint64_t now = short_minute(minute);
  // Nobody takes root's.
  if (uid == 0) return count_in(all.front(), uid, now, true).value_or(true);
  for (std::uint64_t& word : all.subspan(1, limits::users_with_start_lines)) {
    if (const auto may = count_in(word, uid, now, false)) return *may;
  }
  return count_in(all.back(), uid, now, true).value_or(true);
}

std::vector<StartLines::Withheld> StartLines::take_withheld(std::uint64_t minute) {
  std::vector<Withheld> untold;
  const auto all = words();
  for (std::uint64_t& word : all) {
    const std::atomic_ref place(word);
    std::uint64_t old = place.load();
    while (old != 0 && unpack(old).minute != short_minute(minute)) {
      if (!place.compare_exchange_weak(old, 0)) continue;
      const Place over = unpack(old);
      const std::uint64_t starts = withheld_of(over);
      if (starts > 0) untold.push_back({&word == &all.back() ? std::nullopt : std::optional(over.uid), starts});
      break;
    }
  }
  return untold;
}

}  // namespace secshr
