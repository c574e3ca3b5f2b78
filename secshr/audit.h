// The audit log: one record per datagram, and one line for each event of the broker's own life. A failing disk never
// stops service: what could not be written is counted, and the next line that can be says how many.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "secshr/logfmt.h"
#include "secshr/outcome.h"
#include "system/descriptor.h"

namespace spdlog {
class logger;
}

namespace secshr {

// What records call requests, besides protocol::request_name().
namespace recorded {
inline constexpr std::string_view flush_open = "flush-header-open";
inline constexpr std::string_view flush_close = "flush-header-close";
inline constexpr std::string_view leftover = "remove-leftover";
}  // namespace recorded

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
  Outcome outcome;
  std::int64_t microseconds = 0;  // from receipt to reply
};

// The object's whole path, where it has one.
[[nodiscard]] std::string object_path(const AuditRecord& record);

class Audit {
 public:
  Audit() = default;
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;
  virtual ~Audit() = default;
  virtual void record(const AuditRecord& record) noexcept = 0;
  // `name` is a fixed word; `detail` may be anything.
  virtual void event(std::string_view name, std::string_view detail = {}) noexcept = 0;
};

// Writes to a descriptor that the starter opened in a root-controlled directory.
class FileAudit final : public Audit {
 public:
  explicit FileAudit(Descriptor file);
  ~FileAudit() override;
  FileAudit(const FileAudit&) = delete;
  FileAudit& operator=(const FileAudit&) = delete;
  void record(const AuditRecord& record) noexcept override;
  void event(std::string_view name, std::string_view detail) noexcept override;

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<spdlog::logger> logger_;
  std::uint64_t sequence_ = 0;  // of this broker's lines: a gap shows what was lost
};

}  // namespace secshr
