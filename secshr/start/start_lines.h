// How often starts may say that they failed, or that the kept configuration is in force: anybody can have the wrapper
// run all the time. Each start is a process of its own, so that the lines are counted in a page that all of them map.
// No lock: whoever is stopped while it counts keeps nobody waiting.
#pragma once

#include <sys/types.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "secshr/limits.h"

namespace secshr {

// Since the system was booted.
[[nodiscard]] std::uint64_t this_minute() noexcept;

class StartLines {
 public:
  // Without a page everything may be said: whoever has broken /run must see what fails.
  StartLines() = default;
  // The file `.start-lines` of a root-controlled directory. Where it is missing it is made, or left missing: then
  // nothing has been withheld.
  enum class Missing { make, leave };
  [[nodiscard]] static StartLines open(int directory, Missing missing) noexcept;

  // Whether one more start by that user may say something in that minute. Counted where not.
  [[nodiscard]] bool may_say(uid_t uid, std::uint64_t minute) noexcept;

  // Starts that said nothing.
  struct Withheld {
    std::optional<uid_t> uid;  // nullopt: of users without a place of their own
    std::uint64_t starts = 0;
    bool operator==(const Withheld&) const = default;
  };
  // Those of minutes that are over. Each is given out once, to whoever comes first.
  [[nodiscard]] std::vector<Withheld> take_withheld(std::uint64_t minute);

  // Root has a place of its own, as have so many users; the rest share one. Each place has so many lines a minute.
  static constexpr std::size_t places = 1 + limits::users_with_start_lines + 1;
  static constexpr std::size_t file_size = places * sizeof(std::uint64_t);
  static constexpr const char* file_name = ".start-lines";

 private:
  explicit StartLines(boost::interprocess::mapped_region page) noexcept : page_(std::move(page)) {}
  [[nodiscard]] std::span<std::uint64_t> words() const noexcept;

  boost::interprocess::mapped_region page_;
};

}  // namespace secshr
