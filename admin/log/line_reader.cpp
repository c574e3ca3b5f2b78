#include "admin/log/line_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace secshr::admin {
namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;

ssize_t read_some(int file, char* into, std::size_t size) {
  ssize_t count = 0;
  do {
    count = ::read(file, into, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace

LineReader::LineReader(Descriptor file) : file_(std::move(file)), buffer_(longest_line + read_size) {}

std::expected<std::optional<FileLine>, int> LineReader::next() {
  while (true) {
    if (auto line = take_line()) return line;
    make_room();
    const ssize_t count = read_some(file_.get(), buffer_.data() + end_, buffer_.size() - end_);
    if (count < 0) return std::unexpected(errno);
    if (count == 0) return std::nullopt;
    end_ += static_cast<std::size_t>(count);
  }
}

std::optional<FileLine> LineReader::take_line() {
  const auto* const newline = static_cast<const char*>(std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_));
  if (newline == nullptr) {
    scanned_ = end_;
    return std::nullopt;
  }
  const auto size = static_cast<std::size_t>(newline - buffer_.data()) - begin_;
  const FileLine line{{buffer_.data() + begin_, std::min(size, longest_line)}, size + left_out_, true};
  begin_ += size + 1;
  scanned_ = begin_;
  left_out_ = 0;
  return line;
}

void LineReader::make_room() {
  const std::size_t kept = std::min(end_ - begin_, longest_line);
  left_out_ += end_ - begin_ - kept;
  std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
  begin_ = 0;
  scanned_ = end_ = kept;
}

std::optional<FileLine> LineReader::take_rest() {
  make_room();
  if (end_ == 0) return std::nullopt;
  const FileLine rest{{buffer_.data(), end_}, end_ + left_out_, false};
  scanned_ = end_ = 0;
  left_out_ = 0;
  return rest;
}

std::expected<void, int> LineReader::rewind() {
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) return std::unexpected(errno);
  begin_ = scanned_ = end_ = 0;
  left_out_ = 0;
  return {};
}

std::expected<void, int> seek_last_lines(int file, std::size_t lines) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t from = std::max(off_t{0}, size - static_cast<off_t>(lines * (longest_line + 1) + 1));
  if (size < 0 || ::lseek(file, from, SEEK_SET) < 0) return std::unexpected(errno);
  std::vector<char> last(static_cast<std::size_t>(size - from));
  std::size_t end = 0;
  while (end < last.size()) {
    const ssize_t count = read_some(file, last.data() + end, last.size() - end);
    if (count < 0) return std::unexpected(errno);
    if (count == 0) break;
    end += static_cast<std::size_t>(count);
  }
  // Behind the newline that ends the line before them; the last line's own ends none of these.
  std::size_t begin = end > 0 && last[end - 1] == '\n' ? end - 1 : end;
  std::size_t found = 0;
  std::size_t whole = end;  // where the first line begins that is seen whole
  while (begin > 0 && found < lines) {
    if (last[--begin] != '\n') continue;
    whole = begin + 1;
    ++found;
  }
  if (found < lines && from == 0) whole = 0;
  if (::lseek(file, from + static_cast<off_t>(whole), SEEK_SET) < 0) return std::unexpected(errno);
  return {};
}

}  // namespace secshr::admin
