#include "secshr/control/control_port.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <limits>

#include "secshr/datagram_socket.h"
#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"

namespace secshr {
namespace {

constexpr char unfinished_name[] = "control.new";
// Starters that ask at the same moment; more of them try again.
constexpr int backlog = 64;
// Room for as many directories as there can be. The kernel's own limit may be lower, as long as those there are fit.
constexpr int send_buffer = 1 << 20;

bool is_roots(int conversation) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(conversation, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer &&
         peer.uid == 0;
}

std::uint32_t idle_ms(const ServicePoint& point, MonotonicTime now) noexcept {
  const auto idle = std::chrono::floor<std::chrono::milliseconds>(now - point.last_datagram).count();
  return static_cast<std::uint32_t>(
      std::clamp<decltype(idle + 0)>(idle, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

std::expected<Descriptor, int> listen_for_control(int directory) noexcept {
  Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return std::unexpected(errno);
  // What a starter that was killed has left.
  if (::unlinkat(directory, unfinished_name, 0) != 0 && errno != ENOENT) return std::unexpected(errno);
  const sockaddr_un address = address_in(directory, unfinished_name);
  const mode_t old_mask = ::umask(0177);
  const int bound = ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  (void)::umask(old_mask);
  if (bound != 0) return std::unexpected(error);
  if (::listen(listener.get(), backlog) != 0) return std::unexpected(errno);
  return listener;
}

int take_control_name(int directory) noexcept {
  return ::renameat(directory, unfinished_name, directory, control_name) == 0 ? 0 : errno;
}

std::optional<MonotonicTime> ControlPort::deadline() const noexcept {
  if (!conversation_) return std::nullopt;
  return began_ + limits::control_patience;
}

void ControlPort::expire(MonotonicTime now) noexcept {
  if (const auto when = deadline(); when && now >= *when) conversation_.reset();
}

void ControlPort::close() noexcept {
  conversation_.reset();
  listener_.reset();
}

void ControlPort::accept(MonotonicTime now) noexcept {
  Descriptor conversation(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!conversation || !is_roots(conversation.get())) return;
  (void)::setsockopt(conversation.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  conversation_ = std::move(conversation);
  began_ = now;
}

bool ControlPort::tell(BrokerStage stage, std::span<const ServicePoint> served, MonotonicTime now) noexcept {
  const auto is_served = [](const ServicePoint& point) { return point.socket.socket && !point.is_leaving; };
  const BrokerState state{stage, static_cast<std::uint32_t>(std::ranges::count_if(served, is_served))};
  if (!send_message(conversation_.get(), encode_broker_state(state), -1, Wait::no)) return false;
  return std::ranges::all_of(served, [&](const ServicePoint& point) {
    if (!is_served(point)) return true;
    std::array<std::byte, maximum_directory_state_size> bytes{};
    const std::size_t size = encode_directory_state(idle_ms(point, now), point.name, bytes);
    return send_message(conversation_.get(), std::span(bytes).first(size), point.directory, Wait::no).has_value();
  });
}

std::optional<ControlRequest> ControlPort::take(BrokerStage stage, std::span<const ServicePoint> served,
                                                MonotonicTime now) noexcept {
  if (!conversation_ && listener_) accept(now);
  if (!conversation_) return std::nullopt;
  std::array<std::byte, control_request_size> bytes{};
  const auto message = receive_message(conversation_.get(), bytes, Wait::no);
  if (!message && message.error() == EAGAIN) return std::nullopt;
  const auto request =
      message ? decode_control_request(std::span(bytes).first(message->size)) : std::optional<ControlRequest>();
  const bool goes_on = request && (request != ControlRequest::state || tell(stage, served, now));
  if (goes_on && request != ControlRequest::state) return request;
  if (!goes_on) conversation_.reset();
  return std::nullopt;
}

}  // namespace secshr
