// A log as it grows, in place or under a new name: as others rename it, begin another one, or empty it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "admin/failure.h"
#include "admin/log/line_reader.h"

namespace secshr::admin {

using TakeLine = std::function<void(const FileLine&)>;

// A log as root keeps it; nullopt: there is none.
Result<std::optional<Descriptor>> open_log_to_read(const std::string& path);

class LogFollower {
 public:
  enum class Begin { at_the_start, with_the_last_lines };

  LogFollower(std::string path, Begin begin) : path_(std::move(path)), begin_(begin) {}
  // What has come since the last time.
  Result<void> poll(const TakeLine& take);
  // At the end: what stands there without a newline.
  void take_rests(const TakeLine& take);

 private:
  Result<void> take_from(LineReader& file, const TakeLine& take) const;
  Result<void> begin_anew_if_emptied(const TakeLine& take);
  // The file that has the name now, if that is another one than before.
  Result<std::unique_ptr<LineReader>> look_for_another() const;
  [[nodiscard]] std::unexpected<Failure> read_error(int number) const;

  std::string path_;
  Begin begin_;
  std::unique_ptr<LineReader> file_;
  // The one that had the name before: whoever writes to it may go on for a while. Kept until the next one comes.
  std::unique_ptr<LineReader> former_;
};

}  // namespace secshr::admin
