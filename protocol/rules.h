// The rules by which a request is refused, as the audit log, the counters page and a reply name them. More are added
// at the end; none is renamed or moved.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace secshr::protocol {

inline constexpr std::array<std::string_view, 20> rule_ids{
    "peer.pid", "peer.mixed",   "peer.namespace", "sem.alter", "sem.lastop", "shm.rw",    "shm.attached",
    "ipc.root", "hdr.read",     "hdr.type",       "hdr.ids",   "hdr.live",   "sock.name", "sock.live",
    "sock.dir", "proc.install", "wake.caught",    "rate.uid",  "cfg.off",    "lockdown"};

// 1 for the first; 0 for what is none of them.
[[nodiscard]] constexpr std::int32_t rule_number(std::string_view id) noexcept {
  const auto* const found = std::ranges::find(rule_ids, id);
  return found == rule_ids.end() ? 0 : static_cast<std::int32_t>(found - rule_ids.begin()) + 1;
}

// Empty for 0, and for a number of a later release.
[[nodiscard]] constexpr std::string_view rule_id(std::int32_t number) noexcept {
  if (number < 1 || number > static_cast<std::int32_t>(rule_ids.size())) return {};
  return rule_ids[static_cast<std::size_t>(number - 1)];
}

}  // namespace secshr::protocol
