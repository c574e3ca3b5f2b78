#include "secshr/audit/file_audit.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <string>

#include "secshr/audit/logfmt.h"

namespace secshr {
namespace {

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

std::string ids_text(const protocol::IpcIds& ids) {
  return fmt::format("{},{},{},{}", ids.semid, ids.shmid, ids.sem_ctime, ids.shm_ctime);
}

std::string object_path(const AuditRecord& record) {
  return record.directory.empty() ? std::string(record.object)
                                  : fmt::format("{}/{}", record.directory, record.object);
}

LogLine FileAudit::begin() {
  return LogLine().text("ts", log_timestamp()).number("seq", static_cast<std::int64_t>(++sequence_));
}

Ticket FileAudit::record(const AuditRecord& record) noexcept try {
  LogLine line = begin();
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
  if (record.late) {
    line.text("late", "yes")
        .text("before", ids_text(record.late->before))
        .text("after", ids_text(record.late->after));
  }
  if (is_change(record)) return log_.write(line.view(), Importance::change);
  (void)log_.write(line.view(), Importance::routine);
  return 0;
} catch (...) {
  log_.count_lost();  // out of memory for one line
  return 0;
}

void FileAudit::event(std::string_view name, std::string_view detail) noexcept try {
  // Escaped, it fits into a line: the names of some hundred directories may not.
  constexpr std::size_t shown = std::size_t{7} << 10;
  LogLine line = begin().text("event", name);
  if (!detail.empty()) line.text("detail", detail.substr(0, shown));
  if (detail.size() > shown) line.number("detaillen", static_cast<std::int64_t>(detail.size()));
  (void)log_.write(line.view(), Importance::change);
} catch (...) {
  log_.count_lost();
}

void FileAudit::summary(const AuditSummary& summary) noexcept try {
  LogLine line = begin().text("event", summary.name);
  if (summary.uid) line.number("uid", static_cast<std::int64_t>(*summary.uid));
  line.number("count", static_cast<std::int64_t>(summary.count));
  if (!summary.detail.empty()) line.text("detail", summary.detail);
  (void)log_.write(line.view(), Importance::change);
} catch (...) {
  log_.count_lost();
}

}  // namespace secshr
