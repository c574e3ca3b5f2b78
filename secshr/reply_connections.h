// Sockets that stay connected to the clients that asked last, so that a reply is one system call. A connection keeps
// meaning the very socket that was verified, whatever becomes of its name; that the name still stands for it is seen
// anew for each request, and that somebody is still bound to it every few milliseconds, by a reply that it took or by
// connecting again.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "protocol/limits.h"
#include "secshr/kernel.h"
#include "secshr/limits.h"
#include "secshr/reply.h"
#include "system/descriptor.h"

namespace secshr {

class ReplyConnections {
 public:
  // All of them or an errno.
  [[nodiscard]] static std::expected<ReplyConnections, int> make() noexcept;

  // Whether a reply would get through, as Kernel::can_reply says; afterwards this client has a connection. nullopt:
  // none can be had, so that somebody else must find out.
  [[nodiscard]] std::optional<std::expected<void, int>> reach(int directory, const char* name,
                                                              const Credentials& client, MonotonicTime now) noexcept;
  // Sends on the client's connection. nullopt: it has none, or none that can be relied on.
  [[nodiscard]] std::optional<std::expected<void, int>> send(int directory, const char* name,
                                                             const Credentials& client,
                                                             std::span<const std::byte> reply,
                                                             MonotonicTime now) noexcept;

  // Lets go of clients that have not asked for a while: a connection keeps a client's socket, and with it its network
  // namespace, in memory after the client has ended. When to come again; nullopt: nobody is connected.
  std::optional<MonotonicTime> forget_idle(MonotonicTime now) noexcept;

 private:
  struct Connection {
    Descriptor socket;
    bool is_connected = false;
    int directory = -1;
    uid_t owner = 0;
    std::array<char, protocol::maximum_socket_name + 1> name{};
    ConnectedFile file;
    MonotonicTime bound_at;  // when somebody was there
    MonotonicTime asked_at;
  };

  ReplyConnections() = default;
  [[nodiscard]] Connection* find(int directory, const char* name, uid_t owner) noexcept;
  // The one to use for somebody new: its uid's own where it has its share, else the one that was not needed longest.
  [[nodiscard]] Connection& choose(uid_t owner) noexcept;
  static void let_go(Connection& connection) noexcept;

  std::array<Connection, limits::reply_connections> connections_;
};

}  // namespace secshr
