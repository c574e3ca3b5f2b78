#include "secshr/audit.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <mutex>
#include <string>

namespace secshr {
namespace {

// UTC with microseconds, for people and for sorting.
std::string timestamp() {
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  (void)::gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (now - seconds).count());
}

// EPERM is more use to a reader than 1.
std::string code_name(std::int32_t code) {
  if (const char* name = code > 0 ? ::strerrorname_np(code) : nullptr) return name;
  return code >= 0x8000 ? fmt::format("{:#x}", static_cast<std::uint32_t>(code)) : fmt::format("{}", code);
}

template <typename Number>
void number_or_unknown(LogLine& line, std::string_view key, const std::optional<Number>& value) {
  if (value) {
    line.number(key, static_cast<std::int64_t>(*value));
  } else {
    line.unknown(key);
  }
}

// Whole where something was changed. What was refused costs its sender nothing, so that it must not cost much here:
// its beginning, and how long it was.
void append_object(LogLine& line, const AuditRecord& record) {
  constexpr std::size_t shown = 256;
  const std::string object = object_path(record);
  const bool cut = record.outcome.verdict != Verdict::done && object.size() > shown;
  line.text("obj", cut ? std::string_view(object).substr(0, shown) : object);
  if (cut) line.number("objlen", static_cast<std::int64_t>(object.size()));
}

}  // namespace

std::string object_path(const AuditRecord& record) {
  return record.directory.empty() ? std::string(record.object)
                                  : fmt::format("{}/{}", record.directory, record.object);
}

// One write(2) a line. A line cut short by a full disk is ended before the next, so that no two run together.
class FileAudit::Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(Descriptor file) : file_(std::move(file)) {}
  void count_lost() noexcept { ++lost_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line;
    if (cut_) line += '\n';
    if (lost_ > 0)
      line += fmt::format("{}\n",
                          LogLine().text("ts", timestamp()).text("event", "log-lost").number("lines", lost_).view());
    const std::size_t report_end = line.size();
    line.append(message.payload.data(), message.payload.size());
    line += '\n';
    const ssize_t result = ::write(file_.get(), line.data(), line.size());
    const std::size_t written = result < 0 ? 0 : static_cast<std::size_t>(result);
    if (written > 0) cut_ = line[written - 1] != '\n';
    // The report counts once, even where the line behind it was cut.
    if (written + 1 >= report_end) lost_ = 0;
    if (written < line.size()) ++lost_;
  }
  void flush_() override {}

 private:
  Descriptor file_;
  std::int64_t lost_ = 0;
  bool cut_ = false;
};

FileAudit::FileAudit(Descriptor file)
    : sink_(std::make_shared<Sink>(std::move(file))), logger_(std::make_unique<spdlog::logger>("audit", sink_)) {
  // spdlog would print its own troubles on stderr, which is nobody's here.
  logger_->set_error_handler([sink = sink_.get()](const std::string&) { sink->count_lost(); });
}

FileAudit::~FileAudit() = default;

void FileAudit::record(const AuditRecord& record) noexcept try {
  LogLine line;
  line.text("ts", timestamp()).number("seq", static_cast<std::int64_t>(++sequence_));
  number_or_unknown(line, "pid", record.pid);
  number_or_unknown(line, "uid", record.uid);
  number_or_unknown(line, "gid", record.gid);
  line.text("comm", record.comm.empty() ? "-" : record.comm).text("req", record.request);
  if (record.object.empty()) {
    number_or_unknown(line, "obj", record.object_number);
  } else {
    append_object(line, record);
  }
  number_or_unknown(line, "owner", record.owner);
  if (record.mode) {
    line.octal("mode", *record.mode);
  } else {
    line.unknown("mode");
  }
  line.text("verdict", verdict_name(record.outcome.verdict)).text("rule", record.outcome.rule);
  line.text("errno", code_name(record.outcome.code)).number("us", record.microseconds);
  logger_->log(spdlog::level::info, spdlog::string_view_t(line.view()));
} catch (...) {
  sink_->count_lost();  // out of memory for one line
}

void FileAudit::event(std::string_view name, std::string_view detail) noexcept try {
  LogLine line;
  line.text("ts", timestamp()).number("seq", static_cast<std::int64_t>(++sequence_)).text("event", name);
  if (!detail.empty()) line.text("detail", detail);
  logger_->log(spdlog::level::info, spdlog::string_view_t(line.view()));
} catch (...) {
  sink_->count_lost();
}

}  // namespace secshr
