#include "admin/log/log_follower.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "system/root_controlled.h"
#include "system/same_file.h"

namespace secshr::admin {
namespace {

// As tail has it.
constexpr std::size_t last_lines = 10;

}  // namespace

Result<std::optional<Descriptor>> open_log_to_read(const std::string& path) {
  const RootControlled opened = open_root_controlled(path.c_str(), O_RDONLY | O_NONBLOCK);
  if (opened.fault == PathFault::missing) return std::nullopt;
  if (opened.fault != PathFault::none) {
    return error(fmt::format("{}: {}: a log is a file of root's, in directories that only root can write to", path,
                             describe(opened.fault)));
  }
  Descriptor file(opened.descriptor);
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return system_error(path, "look at");
  if (!S_ISREG(facts.st_mode)) return error(fmt::format("{}: is no regular file", path));
  return file;
}

std::unexpected<Failure> LogFollower::read_error(int number) const {
  return error(fmt::format("{}: cannot read: {}", path_, std::strerror(number)));
}

Result<void> LogFollower::poll(const TakeLine& take) {
  if (former_) {
    if (auto taken = take_from(*former_, take); !taken) return taken;
  }
  if (file_) {
    if (auto begun = begin_anew_if_emptied(take); !begun) return begun;
    if (auto taken = take_from(*file_, take); !taken) return taken;
  }
  auto another = look_for_another();
  if (!another) return std::unexpected(another.error());
  if (!*another) return {};
  if (former_) {
    if (const auto rest = former_->take_rest()) take(*rest);
  }
  former_ = std::move(file_);
  file_ = *std::move(another);
  return take_from(*file_, take);
}

void LogFollower::take_rests(const TakeLine& take) {
  for (const auto& file : {former_.get(), file_.get()}) {
    if (file == nullptr) continue;
    if (const auto rest = file->take_rest()) take(*rest);
  }
}

Result<void> LogFollower::take_from(LineReader& file, const TakeLine& take) const {
  while (true) {
    const auto line = file.next();
    if (!line) return read_error(line.error());
    if (!*line) return {};
    take(**line);
  }
}

Result<void> LogFollower::begin_anew_if_emptied(const TakeLine& take) {
  struct stat facts{};
  const off_t offset = lseek(file_->descriptor(), 0, SEEK_CUR);
  if (offset < 0 || fstat(file_->descriptor(), &facts) != 0) return read_error(errno);
  if (facts.st_size >= offset) return {};
  if (const auto rest = file_->take_rest()) take(*rest);
  if (const auto begun = file_->rewind(); !begun) return read_error(begun.error());
  return {};
}

Result<std::unique_ptr<LineReader>> LogFollower::look_for_another() const {
  struct stat named{};
  struct stat own{};
  if (file_ && lstat(path_.c_str(), &named) == 0 && fstat(file_->descriptor(), &own) == 0 &&
      named.st_dev == own.st_dev && named.st_ino == own.st_ino) {
    return nullptr;
  }
  auto opened = open_log_to_read(path_);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return nullptr;
  const bool is_first = !file_;
  if (!is_first && same_file((*opened)->get(), file_->descriptor())) return nullptr;
  if (is_first && begin_ == Begin::with_the_last_lines) {
    if (const auto sought = seek_last_lines((*opened)->get(), last_lines); !sought) return read_error(sought.error());
  }
  return std::make_unique<LineReader>(*std::move(*opened));
}

}  // namespace secshr::admin
