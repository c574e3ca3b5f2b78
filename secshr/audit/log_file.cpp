#include "secshr/audit/log_file.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "secshr/audit/logfmt.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

// Whether what is there ends in the middle of a line. Where that cannot be seen it does not: a pipe takes a line
// whole or not at all.
bool ends_cut(int file) noexcept {
  struct stat facts{};
  char last = '\n';
  if (::fstat(file, &facts) != 0 || facts.st_size == 0) return false;
  return pread_whole(file, std::span(&last, 1), facts.st_size - 1) == 1 && last != '\n';
}

}  // namespace

// One write(2) a line. A line that was cut short by a full disk is ended before the next, so that no two run
// together. The file itself is asked each time: the line may have been another process's, long before this one.
class LogFile::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(Descriptor file) : file_(std::move(file)) {}
  void count_lost(std::uint64_t lines) noexcept { lost_ += static_cast<std::int64_t>(lines); }
  void count_refused() noexcept {
    ++lost_;
    ++refused_;
  }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line;
    if (ends_cut(file_.get())) line += '\n';
    if (lost_ > 0)
      line += fmt::format(
          "{}\n", LogLine().text("ts", log_timestamp()).text("event", "log-lost").number("lines", lost_).view());
    const std::size_t report_end = line.size();
    line.append(message.payload.data(), message.payload.size());
    line += '\n';
    const ssize_t result = uninterrupted([&] { return ::write(file_.get(), line.data(), line.size()); });
    const std::size_t written = result < 0 ? 0 : static_cast<std::size_t>(result);
    // The report counts once, even where the line behind it was cut.
    if (written + 1 >= report_end) lost_ = 0;
    if (written < line.size()) count_refused();
  }
  void flush_() override {}

 private:
  Descriptor file_;
  std::int64_t lost_ = 0;  // and not told in the log yet
  std::uint64_t refused_ = 0;
};

LogFile::LogFile(Descriptor file)
    : sink_(std::make_shared<Sink>(std::move(file))), logger_(std::make_unique<spdlog::logger>("audit", sink_)) {
  // spdlog would print its own troubles on stderr, which is nobody's here.
  logger_->set_error_handler([sink = sink_.get()](const std::string&) { sink->count_refused(); });
}

LogFile::~LogFile() = default;

Ticket LogFile::write(std::string_view line, Importance /*importance*/) noexcept try {
  logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  return 0;
} catch (...) {
  sink_->count_refused();
  return 0;
}

void LogFile::count_lost(std::uint64_t lines) noexcept {
  sink_->count_lost(lines);
}

std::uint64_t LogFile::refused() const noexcept {
  return sink_->refused();
}

}  // namespace secshr
