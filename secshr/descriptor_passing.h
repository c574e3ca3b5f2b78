// Messages between our own processes over a SOCK_SEQPACKET socketpair, each with at most one descriptor.
#pragma once

#include <cstddef>
#include <expected>
#include <span>

#include "system/descriptor.h"

namespace secshr {

struct Message {
  std::size_t size = 0;   // 0: the other side has closed
  Descriptor descriptor;  // the one that came with it, if any
};

enum class Wait { no, yes };

// `descriptor` stays the caller's; a negative one sends none. Errors are positive errno values; without waiting,
// EAGAIN.
[[nodiscard]] std::expected<void, int> send_message(int channel, std::span<const std::byte> bytes, int descriptor,
                                                    Wait wait) noexcept;

// A message that is longer than `buffer`, or carries more than one descriptor, is EBADMSG.
[[nodiscard]] std::expected<Message, int> receive_message(int channel, std::span<std::byte> buffer,
                                                          Wait wait) noexcept;

}  // namespace secshr
