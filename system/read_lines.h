// Reading a file of /proc line by line, without a heap.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

namespace secshr {

// Calls `line` with each line of the file, without its newline, until it returns true; whether it did. A line longer
// than the buffer ends the search: the kernel's own lines are shorter.
template <typename OnLine>
[[nodiscard]] bool any_line(int file, std::span<char> buffer, OnLine on_line) noexcept {
  std::size_t held = 0;
  while (true) {
    const ssize_t got = ::read(file, buffer.data() + held, buffer.size() - held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    held += static_cast<std::size_t>(got);
    std::string_view left(buffer.data(), held);
    for (auto end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
      if (on_line(left.substr(0, end))) return true;
      left.remove_prefix(end + 1);
    }
    if (left.size() == buffer.size()) return false;
    std::memmove(buffer.data(), left.data(), left.size());
    held = left.size();
  }
}

}  // namespace secshr
