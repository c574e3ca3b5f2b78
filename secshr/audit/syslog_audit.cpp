#include "secshr/audit/syslog_audit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/request.h"
#include "secshr/audit/journal_entry.h"
#include "secshr/audit/logfmt.h"

namespace secshr {
namespace {

using protocol::request_name;
using protocol::RequestCode;

// user.info, whatever the severity: the original's.
constexpr int facility = 1;
constexpr int priority = 6;

constexpr char information = 'I';
constexpr char warning = 'W';

constexpr std::string_view header_updated = "GTMSECSHRUPDDBHDR";
constexpr std::string_view file_removed = "GTMSECSHRREMFILE";

// What a request that was carried out is called, and the words before and behind its object. The severities are the
// original's.
struct Done {
  std::string_view request;
  char severity;
  std::string_view mnemonic;
  std::string_view before;
  std::string_view behind;
};
constexpr std::array done_messages{
    Done{recorded::flush_open, information, header_updated, "database fileheader (", ") updated for open"},
    Done{recorded::flush_close, information, header_updated, "database fileheader (", ") updated for close"},
    Done{request_name(RequestCode::remove_semaphore_set), information, "GTMSECSHRREMSEM", "Semaphore (", ") removed"},
    Done{request_name(RequestCode::remove_segment), information, "GTMSECSHRREMSHM", "Shared memory segment (",
         ") removed, nattch = 0"},
    Done{request_name(RequestCode::remove_file), information, file_removed, "file (", ") removed"},
    Done{recorded::leftover, information, file_removed, "leftover socket (", ") removed"},
};

// Plain where every byte is; else in quotes and escaped, so that it can neither end the line nor pass for the words
// around it.
std::string shown(std::string_view text) {
  std::string cut;
  if (text.size() > SyslogAudit::shown_bytes) {
    constexpr std::size_t half = SyslogAudit::shown_bytes / 2;
    cut = fmt::format("{}[...]{}", text.substr(0, half), text.substr(text.size() - half));
    text = cut;
  }
  return log_value(text);
}

std::string object_of(const AuditRecord& record) {
  if (record.object_number) return fmt::format("{}", *record.object_number);
  return record.object.empty() ? "-" : shown(object_path(record));
}

std::string name_of_code(std::int32_t code) {
  const char* name = ::strerrorname_np(code);
  return name != nullptr ? name : fmt::format("{}", code);
}

// As the audit log has it.
std::string audited_code(std::int32_t code) {
  return code >= 0x8000 ? fmt::format("{:#x}", code) : name_of_code(code);
}

template <typename Number>
void number_if_known(JournalEntry& entry, std::string_view name, const std::optional<Number>& value) {
  if (value) entry.number(name, static_cast<std::int64_t>(*value));
}

// The audit log's keys; what is not known has no field. Strings are the client's own bytes.
void append_record(JournalEntry& entry, const AuditRecord& record) {
  number_if_known(entry, "SECSHR_PID", record.pid);
  number_if_known(entry, "SECSHR_UID", record.uid);
  number_if_known(entry, "SECSHR_GID", record.gid);
  if (!record.comm.empty()) entry.text("SECSHR_COMM", record.comm);
  entry.text("SECSHR_REQ", record.request);
  if (!record.object.empty()) {
    entry.text("SECSHR_OBJ", object_path(record));
  } else {
    number_if_known(entry, "SECSHR_OBJ", record.object_number);
  }
  number_if_known(entry, "SECSHR_OWNER", record.owner);
  if (record.mode) entry.text("SECSHR_MODE", fmt::format("{:04o}", *record.mode));
  entry.text("SECSHR_VERDICT", verdict_name(record.outcome.verdict)).text("SECSHR_RULE", record.outcome.rule);
  entry.text("SECSHR_ERRNO", audited_code(record.outcome.code)).number("SECSHR_US", record.microseconds);
  if (record.late) {
    entry.text("SECSHR_LATE", "yes").text("SECSHR_BEFORE", ids_text(record.late->before));
    entry.text("SECSHR_AFTER", ids_text(record.late->after));
  }
}

}  // namespace

SyslogAudit::SyslogAudit(const protocol::Profile& profile, std::vector<std::string> directories,
                         const SystemLogPlaces& places, Clock clock)
    : profile_(profile),
      directories_(std::move(directories)),
      clock_(clock),
      pid_(::getpid()),
      socket_(places),
      minute_ends_(clock()) {}

Ticket SyslogAudit::record(const AuditRecord& record) noexcept try {
  const pid_t client = record.pid.value_or(0);
  const Outcome& outcome = record.outcome;
  if (outcome.verdict == Verdict::done) {
    const auto* message = std::ranges::find(done_messages, record.request, &Done::request);
    if (message == done_messages.end()) return 0;
    send(message->severity, message->mnemonic,
         fmt::format("[client pid {}] {}{}{}{}", client, message->before, object_of(record), message->behind,
                     record.late ? ", of which its client was not told" : ""),
         &record);
  } else if (outcome.verdict != Verdict::dropped) {
    warn_of(record);
  }
  return 0;
} catch (...) {
  return 0;  // out of memory for one message
}

void SyslogAudit::warn_of(const AuditRecord& record) {
  const pid_t client = record.pid.value_or(0);
  const Outcome& outcome = record.outcome;
  if (outcome.rule == std::string_view(rule::segment_attached)) {
    return warn(
        "GTMSECSHRSHMCONCPROC",
        fmt::format("[client pid {}] Shared memory segment ({}) is attached, not removed", client, object_of(record)),
        record);
  }
  const bool file = record.request == request_name(RequestCode::remove_file) || record.request == recorded::leftover;
  warn(file ? "GTMSECSHRSRVFIL" : "GTMSECSHRSRVFID",
       fmt::format("[client pid {}] {} ({}) {} with {}, rule {}", client, record.request, object_of(record),
                   verdict_name(outcome.verdict), name_of_code(outcome.code), outcome.rule),
       record);
}

void SyslogAudit::event(std::string_view name, std::string_view detail) noexcept try {
  if (name == "started") {
    send(information, "GTMSECSHRDMNSTARTED", "secshr serves: " + shown(detail));
    for (const std::string& directory : directories_) {
      send(information, "GTMSECSHRTMPPATH", fmt::format("serving in ({})", shown(directory)));
    }
  } else if (name == "ended") {
    if (detail.substr(0, detail.find(' ')) == "idle") {
      send(information, "GTMSECSHRTMOUT", "nothing was asked for the idle timeout");
    }
    send(information, "GTMSECSHRSHUTDN", with_withheld("secshr ends: " + shown(detail)));
  } else if (name == "late-write") {
    send(information, header_updated, fmt::format("database fileheader ({}) updated late", shown(detail)));
  }
} catch (...) {
  return;
}

void SyslogAudit::warn(std::string_view mnemonic, std::string_view text, const AuditRecord& about) {
  const auto now = clock_();
  if (now >= minute_ends_) {
    minute_ends_ = now + std::chrono::minutes(1);
    warnings_ = 0;
  }
  if (warnings_ == warnings_per_minute) {
    ++withheld_;
    return;
  }
  ++warnings_;
  send(warning, mnemonic, with_withheld(std::string(text)), &about);
}

std::string SyslogAudit::with_withheld(std::string text) {
  if (withheld_ > 0) text += fmt::format("; {} more not logged", std::exchange(withheld_, 0));
  return text;
}

void SyslogAudit::send(char severity, std::string_view mnemonic, std::string_view text, const AuditRecord* about) {
  const std::string message = fmt::format("%{}-{}-{}, {}", profile_.facility, severity, mnemonic, text);
  JournalEntry entry;
  entry.text("MESSAGE", message).number("PRIORITY", priority).number("SYSLOG_FACILITY", facility);
  entry.text("SYSLOG_IDENTIFIER", profile_.syslog_ident).number("SYSLOG_PID", pid_);
  if (about != nullptr) append_record(entry, *about);
  socket_.send(entry.view(),
               fmt::format("<{}>{}[{}]: {}", facility * 8 + priority, profile_.syslog_ident, pid_, message));
}

}  // namespace secshr
