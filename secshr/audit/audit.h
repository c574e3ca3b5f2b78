// What is recorded: one record per datagram, and the events of the broker's own life. file_audit.h makes lines of the
// audit log of them, syslog_audit.h messages of the system log.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/request.h"
#include "secshr/outcome.h"

namespace secshr {

// What records call requests, besides protocol::request_name().
namespace recorded {
inline constexpr std::string_view flush_open = "flush-header-open";
inline constexpr std::string_view flush_close = "flush-header-close";
inline constexpr std::string_view leftover = "remove-leftover";
// In counts only: headers that said already what they were to say.
inline constexpr std::string_view unchanged_header = "unchanged-header";
}  // namespace recorded

// What the header of a database file said, and what was put in its place.
struct HeaderChange {
  protocol::IpcIds before;
  protocol::IpcIds after;
  bool operator==(const HeaderChange&) const = default;
};

// Everything that one datagram's record says. Views live until the record is written.
struct AuditRecord {
  std::optional<pid_t> pid;  // by the kernel's word
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::string_view comm;  // empty: not looked at
  std::string_view request = "-";
  std::string_view directory;                 // that the object is in, where that is a name alone
  std::string_view object;                    // as the client named it, where that is a path
  std::optional<std::int32_t> object_number;  // or where it is an id or a pid
  std::optional<uid_t> owner;                 // of the object
  std::optional<unsigned> mode;
  bool is_unchanged = false;  // the header says what it said before
  Outcome outcome;
  std::int64_t microseconds = 0;  // from receipt to reply
  // A header was written, but its client was told, on record, that it was not, or nothing at all: nobody knows but
  // who reads this.
  std::optional<HeaderChange> late;
};

// The object's whole path, where it has one.
[[nodiscard]] std::string object_path(const AuditRecord& record);

// As a record shows them: both ids, then both times, in the header's own order.
[[nodiscard]] std::string ids_text(const protocol::IpcIds& ids);

// Whether something was changed, so that nothing but the record shows it afterwards. What was merely woken or
// answered was not.
[[nodiscard]] inline bool is_change(const AuditRecord& record) noexcept {
  using protocol::request_name;
  using protocol::RequestCode;
  return record.outcome.verdict == Verdict::done && !record.is_unchanged &&
         record.request != request_name(RequestCode::ping) && record.request != request_name(RequestCode::wake) &&
         record.request != request_name(RequestCode::continue_process);
}

// Many records in one: of routine, and of what was refused more often than is worth a line each.
struct AuditSummary {
  std::string_view name;     // a fixed word
  std::optional<uid_t> uid;  // whose; nullopt: several
  std::uint64_t count = 0;
  std::string_view detail;
};

// A line on its way into the log. 0: there is none.
using Ticket = std::uint64_t;

class Audit {
 public:
  Audit() = default;
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;
  virtual ~Audit() = default;
  // The ticket of a change, of which nobody may be told before it is written.
  virtual Ticket record(const AuditRecord& record) noexcept = 0;
  // `name` is a fixed word; `detail` may be anything.
  virtual void event(std::string_view name, std::string_view detail) noexcept = 0;
  virtual void summary(const AuditSummary& summary) noexcept = 0;
  // Whether that line is in the log, or was given up as lost.
  [[nodiscard]] virtual bool has_written(Ticket ticket) const noexcept = 0;
};

}  // namespace secshr
