// Asking whether a broker answers in a directory: as a client of our own, through the very socket that clients use.
#pragma once

#include <chrono>
#include <cstdint>

#include "protocol/profile.h"
#include "protocol/socket_names.h"

namespace secshr {

enum class PingAnswer {
  answered,
  silent,  // somebody may be there
  nobody,  // the name is no socket of root's, or nobody has it bound
};

// One attempt: binds a client socket in `directory` (an O_PATH descriptor), asks, waits for the answer, and removes
// the socket. Called as root. Only a socket that root owns is asked: anybody can answer from another one.
[[nodiscard]] PingAnswer ask_broker(int directory, const protocol::Profile& profile,
                                    const protocol::SocketName& server, std::uint32_t communication_key,
                                    std::chrono::milliseconds patience) noexcept;

}  // namespace secshr
