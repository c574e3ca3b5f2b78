// The wrapper's exit status (wrapper/handoff.h) in words, for whoever has run it.
#pragma once

#include <array>
#include <cstddef>

namespace secshr {

inline constexpr std::array start_meanings{
    "nothing",
    "it could not become root",
    "the installation's path, or the wrapper's mode, is not what it should be",
    "the broker's program is missing, or not root's alone",
    "no process could be made",
    "what holds the broker's lock does not answer",
    "an unknown reason",
    "the system log has the reason",
    "the directory cannot be served: this user could not make a file in it, it is on no local file system, or "
    "there is no "
    "place for another",
    "it cannot tell its own file",
    "it has another name",
    "the installation is not adopted (secshrctl adopt)",
};

[[nodiscard]] constexpr const char* meaning_of_start(int status) noexcept {
  return status >= 0 && static_cast<std::size_t>(status) < start_meanings.size()
             ? start_meanings[static_cast<std::size_t>(status)]
             : "an unknown reason";
}

}  // namespace secshr
