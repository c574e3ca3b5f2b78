// What the broker asks the looker about a client, a database file or a process, and what the looker saw. The two
// speak over a socketpair in fixed little-endian layouts, never in native structs. The request carries the pidfd of
// the process that is looked at, a report of an opened file its read-only descriptor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/request.h"
#include "secshr/kernel.h"

namespace secshr {

enum class LookAt : std::uint8_t {
  client,   // its identity: /proc must say what the kernel said of it
  file,     // the same, and a database file as the client has it
  process,  // one that the client names: `whom` has its pid alone
};

struct LookRequest {
  std::uint64_t job = 0;
  LookAt at = LookAt::client;
  Credentials whom;       // of the process that is looked at
  std::string_view path;  // of a file: absolute, in the client's own root
};

enum class LookVerdict : std::uint8_t {
  seen,             // everything below holds
  peer_gone,        // the process ended, or has but the pid of the one that sent
  peer_mixed,       // its four uids or gids differ, from the kernel's too, or /proc could not be read
  too_many_groups,  // more than a report can hold
  other_namespace,  // its IPC namespace is not ours
  unreadable,       // the client itself cannot open it: `error` says why
  wrong_type,       // not a regular file
  not_a_database,   // no served label, or another byte order
};

struct LookReport {
  std::uint64_t job = 0;
  LookVerdict verdict = LookVerdict::unreadable;
  std::int32_t error = 0;       // errno where the verdict has one
  std::array<char, 64> comm{};  // of a client: its name, NUL-terminated
  std::vector<gid_t> groups;    // of a client: supplementary
  bool knows_groups = false;    // those are all; false where there are more than a report can hold

  // Of a file.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;           // or of a process: its uid
  protocol::IpcIds ids;              // the header's, as found
  bool maps_header_segment = false;  // the requester's own maps show the segment that the header names

  // Of a process.
  bool runs_installation = false;  // a program or library of the adopted installation
  bool catches_alarm = false;      // SIGALRM has a handler
};

inline constexpr std::size_t reported_groups = 4096;
inline constexpr std::size_t look_request_size = 8 + 4 + 4 + 4 + 4 + 4 + 8 + 4 + protocol::maximum_datagram;
inline constexpr std::size_t look_report_fixed_size = 8 + 4 + 4 + 64 + 8 + 8 + 4 + 4 + 24 + 4 + 4;
inline constexpr std::size_t look_report_size = look_report_fixed_size + reported_groups * 4;

// Returns the number of bytes written; `out` must hold look_request_size.
[[nodiscard]] std::size_t encode_look_request(const LookRequest& request, std::span<std::byte> out) noexcept;
// `path` points into `bytes`.
[[nodiscard]] std::optional<LookRequest> decode_look_request(std::span<const std::byte> bytes) noexcept;

// The same; `report.groups` are at most reported_groups, `out` must hold look_report_size.
[[nodiscard]] std::size_t encode_look_report(const LookReport& report, std::span<std::byte> out) noexcept;
[[nodiscard]] std::optional<LookReport> decode_look_report(std::span<const std::byte> bytes) noexcept;

}  // namespace secshr
