#include "secshr/reply_sockets.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "secshr/datagram_socket.h"
#include "secshr/reply.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

static_assert(limits::reply_sockets_per_uid >= 1 && limits::reply_sockets_per_uid < limits::reply_sockets);

// What of its replies is not read yet, as the kernel charges it; 0: nothing.
int unread_on(const Descriptor& socket) noexcept {
  int charged = 0;
  return ::ioctl(socket.get(), SIOCOUTQ, &charged) == 0 ? charged : std::numeric_limits<int>::max();
}

}  // namespace

std::expected<ReplySockets, int> ReplySockets::make() noexcept {
  ReplySockets sockets;
  for (Slot& slot : sockets.slots_) {
    slot.socket = make_datagram_socket();
    if (!slot.socket) return std::unexpected(errno);
  }
  sockets.probe_ = make_datagram_socket();
  if (!sockets.probe_) return std::unexpected(errno);
  return sockets;
}

// The uid's own sockets first: it mostly has one, whose last reply was read long ago, so that one question is enough.
ReplySockets::Slot& ReplySockets::choose(uid_t uid) noexcept {
  Slot* least = &slots_.front();
  int least_unread = std::numeric_limits<int>::max();
  const auto is_free = [&](Slot& slot) {
    const int unread = unread_on(slot.socket);
    if (unread < least_unread) {
      least = &slot;
      least_unread = unread;
    }
    return unread == 0;
  };
  std::size_t own = 0;
  for (Slot& slot : slots_) {
    if (slot.user != uid) continue;
    if (is_free(slot)) return slot;
    ++own;
  }
  if (own == limits::reply_sockets_per_uid) return *least;
  for (Slot& slot : slots_) {
    if (slot.user == uid || !is_free(slot)) continue;
    slot.user = uid;
    return slot;
  }
  // Where no socket can be made the old one has to do.
  if (Descriptor fresh = make_datagram_socket()) least->socket = std::move(fresh);
  least->user = uid;
  return *least;
}

std::expected<void, int> ReplySockets::can_send(int directory, const char* name, const Credentials& client) noexcept {
  if (const auto connected = connect_to_client(probe_.get(), directory, name, client); !connected) {
    return std::unexpected(connected.error());
  }
  disconnect(probe_.get());
  return {};
}

std::expected<void, int> ReplySockets::send(int directory, const char* name, const Credentials& client,
                                            std::span<const std::byte> reply) noexcept {
  const Slot& slot = choose(client.uid);
  if (const auto connected = connect_to_client(slot.socket.get(), directory, name, client); !connected) {
    return std::unexpected(connected.error());
  }
  const bool sent = uninterrupted([&] {
                      return ::send(slot.socket.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                    }) >= 0;
  const int error = errno;
  // Worth its call: a connection keeps the client's socket, and with it its network namespace and cgroup, in memory
  // after the client has gone, for as long as nobody else needs this one. And what is connected to nobody cannot, by
  // whatever mistake, take one client's reply to another.
  disconnect(slot.socket.get());
  if (!sent) return std::unexpected(error);
  return {};
}

}  // namespace secshr
