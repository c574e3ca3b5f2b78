// The system log: what was done, and what was refused or failed, in the words that administrators' tools already
// look for. It is for people and monitoring; the record is the audit log, and nothing depends on whether a message
// arrives (system_log_socket.h). The journal gets what the audit log says of the same record with it, in fields.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/profile.h"
#include "secshr/audit/audit.h"
#include "secshr/audit/system_log_socket.h"

namespace secshr {

class SyslogAudit final : public Audit {
 public:
  // What a client supplied is cut in its middle where it is longer, so that the name at a path's end stays: escaped,
  // that is four times as many bytes at most, and the message stays below 2048, which every daemon takes. The
  // journal's fields have all of it.
  static constexpr std::size_t shown_bytes = 400;
  // A request that is refused or fails costs its sender nothing. Beyond so many a minute they are only counted, and
  // the next one that is logged says how many, or what is said at the end.
  static constexpr unsigned warnings_per_minute = 60;

  using Clock = std::chrono::steady_clock::time_point (*)();

  // In the process that is going to log, before it gives socket(2) away. `directories` are those that are served.
  SyslogAudit(
      const protocol::Profile& profile, std::vector<std::string> directories, const SystemLogPlaces& places = {},
      Clock clock = [] { return std::chrono::steady_clock::now(); });

  Ticket record(const AuditRecord& record) noexcept override;
  // started, ended, late-write; others are not for the system log.
  void event(std::string_view name, std::string_view detail) noexcept override;
  // Limits of its own decide what is said here.
  void summary(const AuditSummary& /*summary*/) noexcept override {}
  [[nodiscard]] bool has_written(Ticket /*ticket*/) const noexcept override { return true; }

 private:
  void warn_of(const AuditRecord& record);
  void warn(std::string_view mnemonic, std::string_view text, const AuditRecord& about);
  // With how many warnings were withheld, once.
  [[nodiscard]] std::string with_withheld(std::string text);
  void send(char severity, std::string_view mnemonic, std::string_view text, const AuditRecord* about = nullptr);

  const protocol::Profile& profile_;
  std::vector<std::string> directories_;
  Clock clock_;
  pid_t pid_;
  SystemLogSocket socket_;
  std::chrono::steady_clock::time_point minute_ends_;
  unsigned warnings_ = 0;  // in this minute
  std::uint64_t withheld_ = 0;
};

}  // namespace secshr
