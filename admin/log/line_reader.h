// A file's lines one after another, in so much memory and no more, whatever is in the file.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "secshr/audit/line_message.h"
#include "system/descriptor.h"

namespace secshr::admin {

struct FileLine {
  std::string_view text;   // its beginning, where it is longer than any line of the log; until the next call
  std::uint64_t size = 0;  // of all of it
  bool has_ended = true;   // by a newline
  // Whether it can be the log's: whole, and not cut short by a full disk.
  [[nodiscard]] bool is_whole() const { return has_ended && size == text.size(); }
};

class LineReader {
 public:
  // Begins where the descriptor is.
  explicit LineReader(Descriptor file);

  // The next line that has ended; nullopt: there is none for now. Errors are positive errno values.
  std::expected<std::optional<FileLine>, int> next();
  // What stands behind the last newline, if anything: it is given up.
  std::optional<FileLine> take_rest();
  // Begins anew at the start of the file.
  std::expected<void, int> rewind();

  [[nodiscard]] int descriptor() const noexcept { return file_.get(); }

 private:
  std::optional<FileLine> take_line();
  void make_room();

  Descriptor file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of the line that comes next
  std::size_t scanned_ = 0;  // up to here there is no newline in it
  std::size_t end_ = 0;
  std::uint64_t left_out_ = 0;  // of that line, behind what a line can have
};

// Puts the file's offset to where its last lines begin, as many of them as can be told from the last few hundred
// kilobytes.
std::expected<void, int> seek_last_lines(int file, std::size_t lines);

}  // namespace secshr::admin
