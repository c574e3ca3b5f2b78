// System calls that a signal may end before they have done anything, or all of it: they are made again.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>

namespace secshr {

// What the call returns when it was not interrupted; errno is its own.
template <typename Call>
[[nodiscard]] auto uninterrupted(const Call& call) noexcept {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

namespace whole {

// `part` reads at most so many bytes to there, that many bytes behind the first.
template <typename Byte, typename Part>
[[nodiscard]] ssize_t read(std::span<Byte> buffer, const Part& part) noexcept {
  std::size_t held = 0;
  while (held < buffer.size()) {
    const ssize_t got = uninterrupted([&] { return part(buffer.data() + held, buffer.size() - held, held); });
    if (got < 0) return got;
    if (got == 0) break;
    held += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(held);
}

}  // namespace whole

// As far as the buffer or the file goes, in however many parts it comes: a beginning is never taken for all of it.
// The number of bytes, or -1 with errno set.
template <typename Byte, std::size_t Extent>
[[nodiscard]] ssize_t read_whole(int file, std::span<Byte, Extent> buffer) noexcept {
  return whole::read(std::span<Byte>(buffer),
                     [file](Byte* to, std::size_t size, std::size_t) { return ::read(file, to, size); });
}
template <typename Byte, std::size_t Extent>
[[nodiscard]] ssize_t pread_whole(int file, std::span<Byte, Extent> buffer, off_t offset) noexcept {
  return whole::read(std::span<Byte>(buffer), [file, offset](Byte* to, std::size_t size, std::size_t held) {
    return ::pread(file, to, size, offset + static_cast<off_t>(held));
  });
}

}  // namespace secshr
