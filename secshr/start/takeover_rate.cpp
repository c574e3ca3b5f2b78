#include "secshr/start/takeover_rate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "secshr/limits.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

constexpr std::uint64_t window = 60;  // seconds

using PastTakeovers = std::array<PastTakeover, limits::takeovers_per_minute>;

std::uint64_t seconds_since_boot() noexcept {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);  // it exists
  return static_cast<std::uint64_t>(now.tv_sec);
}

bool is_recent(const PastTakeover& past, std::uint64_t now) noexcept {
  return past.second != 0 && past.second <= now && now - past.second < window;
}

}  // namespace

bool may_take_over(std::span<const PastTakeover> past, uid_t uid, std::uint64_t now) noexcept {
  const auto recent = std::ranges::count_if(past, [&](const PastTakeover& one) { return is_recent(one, now); });
  const auto own =
      std::ranges::count_if(past, [&](const PastTakeover& one) { return one.uid == uid && is_recent(one, now); });
  return uid == 0 || (static_cast<std::size_t>(recent) < limits::takeovers_per_minute &&
                      static_cast<std::size_t>(own) < limits::takeovers_per_minute_per_uid);
}

bool note_takeover(int directory, uid_t uid) noexcept {
  const Descriptor file(
      ::openat(directory, "takeovers", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
  PastTakeovers past{};
  // A file of another size holds nothing that is known; a new one is empty.
  const ssize_t size = file ? ::pread(file.get(), &past, sizeof past, 0) : -1;
  if (size < 0) return uid == 0;
  if (size != static_cast<ssize_t>(sizeof past)) past = {};
  const std::uint64_t now = std::max<std::uint64_t>(seconds_since_boot(), 1);
  if (!may_take_over(past, uid, now)) return false;
  // In place of the oldest, or of one that lies in the future: the system was booted since.
  const auto place =
      std::ranges::min_element(past, {}, [&](const PastTakeover& one) { return one.second > now ? 0 : one.second; });
  *place = {uid, now};
  return ::pwrite(file.get(), &past, sizeof past, 0) == static_cast<ssize_t>(sizeof past) || uid == 0;
}

}  // namespace secshr
