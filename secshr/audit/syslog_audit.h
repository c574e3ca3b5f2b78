// The system log: what was done, and what was refused or failed, in the words that administrators' tools already
// look for. It is for people and monitoring; the record is the audit log, and nothing depends on whether a message
// arrives: none waits, and one that finds no listener, or a full one, is gone.
#pragma once

#include <sys/un.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/profile.h"
#include "secshr/audit/audit.h"
#include "system/descriptor.h"

namespace secshr {

class SyslogAudit final : public Audit {
 public:
  // What a client supplied is cut in its middle where it is longer, so that the name at a path's end stays: escaped,
  // that is four times as many bytes at most, and the message stays below 2048, which every daemon takes.
  static constexpr std::size_t shown_bytes = 400;
  // A request that is refused or fails costs its sender nothing. Beyond so many a minute they are only counted, and
  // the next one that is logged says how many.
  static constexpr unsigned warnings_per_minute = 60;

  using Clock = std::chrono::steady_clock::time_point (*)();

  // In the process that is going to log, before it gives socket(2) away. Each message looks `path` up again, so that
  // a daemon that was restarted is found. `directories` are those that are served.
  SyslogAudit(
      const protocol::Profile& profile, std::vector<std::string> directories, std::string_view path = "/dev/log",
      Clock clock = [] { return std::chrono::steady_clock::now(); });

  Ticket record(const AuditRecord& record) noexcept override;
  // started, ended, late-write; others are not for the system log.
  void event(std::string_view name, std::string_view detail) noexcept override;
  // Limits of its own decide what is said here.
  void summary(const AuditSummary& /*summary*/) noexcept override {}
  [[nodiscard]] bool has_written(Ticket /*ticket*/) const noexcept override { return true; }

 private:
  void warn_of(const AuditRecord& record);
  void warn(std::string_view mnemonic, std::string_view text);
  void send(char severity, std::string_view mnemonic, std::string_view text) const;

  const protocol::Profile& profile_;
  std::vector<std::string> directories_;
  Clock clock_;
  pid_t pid_;
  sockaddr_un address_{};
  Descriptor socket_;  // none where `path` is longer than an address can be
  std::chrono::steady_clock::time_point minute_ends_;
  unsigned warnings_ = 0;  // in this minute
  std::uint64_t withheld_ = 0;
};

}  // namespace secshr
