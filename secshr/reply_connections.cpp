#include "secshr/reply_connections.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "secshr/datagram_socket.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

static_assert(limits::reply_connections_per_uid < limits::reply_connections);

bool is_clients(const struct stat& facts, const Credentials& client) noexcept {
  return S_ISSOCK(facts.st_mode) && facts.st_uid == client.uid;
}

bool has_unread(int socket) noexcept {
  int charged = 0;
  return ::ioctl(socket, SIOCOUTQ, &charged) == 0 && charged != 0;
}

}  // namespace

std::expected<ReplyConnections, int> ReplyConnections::make() noexcept {
  ReplyConnections made;
  for (Connection& connection : made.connections_) {
    connection.socket = make_datagram_socket();
    if (!connection.socket) return std::unexpected(errno);
  }
  return made;
}

ReplyConnections::Connection* ReplyConnections::find(int directory, const char* name, uid_t owner) noexcept {
  const auto found = std::ranges::find_if(connections_, [&](const Connection& each) {
    return each.is_connected && each.directory == directory && each.owner == owner &&
           std::strcmp(each.name.data(), name) == 0;
  });
  return found == connections_.end() ? nullptr : &*found;
}

ReplyConnections::Connection& ReplyConnections::choose(uid_t owner) noexcept {
  // What is not connected first, then what was not needed longest.
  const auto is_before = [](const Connection& left, const Connection& right) {
    return left.is_connected != right.is_connected ? !left.is_connected : left.asked_at < right.asked_at;
  };
  const auto is_own = [owner](const Connection& each) { return each.is_connected && each.owner == owner; };
  const auto own = static_cast<std::size_t>(std::ranges::count_if(connections_, is_own));
  if (own < limits::reply_connections_per_uid) {
    return *std::ranges::min_element(connections_, is_before);
  }
  return *std::ranges::min_element(connections_, [&](const Connection& left, const Connection& right) {
    return is_own(left) != is_own(right) ? is_own(left) : is_before(left, right);
  });
}

void ReplyConnections::let_go(Connection& connection) noexcept {
  disconnect(connection.socket.get());
  connection.is_connected = false;
}

std::optional<std::expected<void, int>> ReplyConnections::reach(int directory, const char* name,
                                                                const Credentials& client,
                                                                MonotonicTime now) noexcept {
  Connection* connection = find(directory, name, client.uid);
  struct stat facts{};
  if (connection != nullptr && now - connection->bound_at < limits::client_known_for) {
    // As nobody in particular, as when it was connected.
    if (::fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && is_clients(facts, client) &&
        connected_file(facts) == connection->file) {
      connection->asked_at = now;
      return std::expected<void, int>();
    }
  }
  if (connection == nullptr) connection = &choose(client.uid);
  if (connection->is_connected) let_go(*connection);
  // What its former client has not read is not this one's.
  if (has_unread(connection->socket.get())) {
    Descriptor fresh = make_datagram_socket();
    if (!fresh) return std::nullopt;
    connection->socket = std::move(fresh);
  }
  const auto connected = connect_to_client(connection->socket.get(), directory, name, client);
  if (!connected) return std::unexpected(connected.error());
  connection->is_connected = true;
  connection->directory = directory;
  connection->owner = client.uid;
  connection->name.fill('\0');
  (void)std::strncpy(connection->name.data(), name, connection->name.size() - 1);
  connection->file = *connected;
  connection->bound_at = connection->asked_at = now;
  return std::expected<void, int>();
}

std::optional<std::expected<void, int>> ReplyConnections::send(int directory, const char* name,
                                                               const Credentials& client,
                                                               std::span<const std::byte> reply,
                                                               MonotonicTime now) noexcept {
  Connection* const connection = find(directory, name, client.uid);
  if (connection == nullptr) return std::nullopt;
  // The same client, but who knows what has its name by now.
  if (now - connection->asked_at >= limits::client_known_for) return std::nullopt;
  if (uninterrupted([&] {
        return ::send(connection->socket.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      }) >= 0) {
    connection->bound_at = now;
    return std::expected<void, int>();
  }
  if (errno == EAGAIN) return std::unexpected(EAGAIN);
  let_go(*connection);
  return std::nullopt;
}

std::optional<MonotonicTime> ReplyConnections::forget_idle(MonotonicTime now) noexcept {
  std::optional<MonotonicTime> next;
  for (Connection& connection : connections_) {
    if (!connection.is_connected) continue;
    const MonotonicTime until = connection.asked_at + limits::connection_kept_for;
    if (until <= now) {
      let_go(connection);
    } else if (!next || until < *next) {
      next = until;
    }
  }
  return next;
}

}  // namespace secshr
