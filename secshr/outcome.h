// What came of a request: refusals carry the rule that made them and the code that the client is told.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace secshr {

// The pinned rule identifiers that exist so far; docs/threat-model.md explains each. "-" means that no rule was
// involved.
namespace rule {
inline constexpr const char* none = "-";
inline constexpr const char* peer_pid = "peer.pid";      // message or socket name disagree with the kernel's pid
inline constexpr const char* peer_mixed = "peer.mixed";  // ids differ among themselves or cannot be established
inline constexpr const char* peer_namespace = "peer.namespace";  // sender outside our pid, user or ipc namespace
inline constexpr const char* semaphore_alter = "sem.alter";      // the client itself may not alter the set
inline constexpr const char* semaphore_last = "sem.lastop";      // somebody else who lives operated on it last
inline constexpr const char* segment_access = "shm.rw";          // the client itself may not read and write it
inline constexpr const char* segment_attached = "shm.attached";  // somebody is attached
inline constexpr const char* ipc_root = "ipc.root";              // root owns and made it
inline constexpr const char* header_read = "hdr.read";           // the client itself cannot read the file
inline constexpr const char* header_type = "hdr.type";           // no database file of a served format
inline constexpr const char* header_ids = "hdr.ids";             // the ids are not the client's to write
inline constexpr const char* header_live = "hdr.live";           // others still use what the header names
inline constexpr const char* socket_name = "sock.name";          // not a socket with a name of the grammar
inline constexpr const char* socket_live = "sock.live";          // somebody is bound to it
inline constexpr const char* socket_directory = "sock.dir";      // the client itself may not write to the directory
inline constexpr const char* process_installation = "proc.install";  // not a process of the adopted installation
inline constexpr const char* wake_caught = "wake.caught";            // the process would die of the signal
inline constexpr const char* rate_uid = "rate.uid";                  // too many requests of this uid at once
inline constexpr const char* not_served = "cfg.off";                 // this request is not served
inline constexpr const char* lockdown = "lockdown";                  // only administrators are served
}  // namespace rule

// Of the object that a request names, for the record.
struct ObjectFacts {
  uid_t owner = 0;
  std::optional<unsigned> mode = std::nullopt;  // a process has none
};

struct Denied {
  const char* rule = rule::none;
  std::int32_t code = EPERM;                         // for the reply
  std::optional<ObjectFacts> object = std::nullopt;  // as far as it was looked at
};

enum class Verdict {
  done,     // carried out
  refused,  // a rule or the request's own form forbids it; nothing changed
  failed,   // permitted, but the operating system said no
  dropped,  // no reply was owed or possible to address; nothing changed
};

[[nodiscard]] constexpr const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::done:
      return "done";
    case Verdict::refused:
      return "refused";
    case Verdict::failed:
      return "failed";
    case Verdict::dropped:
      return "dropped";
  }
  return "unknown";
}

struct Outcome {
  Verdict verdict = Verdict::refused;
  const char* rule = rule::none;
  std::int32_t code = EPERM;  // what the reply says: 0 or an errno or a reply code of the protocol
};

// Of something that was permitted.
[[nodiscard]] inline Outcome outcome_of(const std::expected<void, int>& result) noexcept {
  if (result) return {Verdict::done, rule::none, 0};
  return {Verdict::failed, rule::none, result.error()};
}

[[nodiscard]] constexpr Outcome refused(const Denied& denied) {
  return {Verdict::refused, denied.rule, denied.code};
}

}  // namespace secshr
