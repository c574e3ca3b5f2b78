#include "client/ask.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>

#include "client/bound.h"
#include "client/explanation.h"
#include "client/own_socket.h"
#include "client/process_turn.h"
#include "client/refusal.h"
#include "client/run_wrapper.h"
#include "client/server.h"
#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"

namespace secshr::client {
namespace {

using Clock = std::chrono::steady_clock;

// A broker that ends tells nobody whose question it had: so often it is looked whether it is still there, and whether
// it could still answer.
constexpr std::chrono::milliseconds look_interval{50};

// Whose word it is, by the kernel's. The socket's mode leaves root, the broker, which acts as this user, and this
// user's other processes, whose word counts for nothing.
bool is_from_broker(const msghdr& message) noexcept {
  for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(header))) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
    return sender.uid != ::getuid() || sender.uid == 0;
  }
  return false;
}

class Question {
 public:
  Question(const Handle& handle, const protocol::Request& request, ProcessTurn& turn) noexcept
      : handle_(handle), request_(request), turn_(turn) {}

  int ask() noexcept {
    int result = 0;
    int sent = 0;
    for (unsigned attempt = 0; attempt < handle_.attempts; ++attempt) {
      if (!socket_ || !socket_->has_name()) socket_.emplace(handle_);
      if (socket_->result() != 0) return socket_->result();
      const auto server = reach(result);
      if (!server) return result;
      sent = send(*server);
      if (sent == EAGAIN || sent == ECONNREFUSED) continue;
      if (sent != 0) return fail(-sent, "the broker cannot be asked: %s", text_of(sent));
      if (const auto reply = await(*server)) return reply->code() == 0 ? 0 : explain_refusal(*reply);
    }
    // Where the host took the wrapper's end, nothing is known of it but this.
    if (sent == ECONNREFUSED) {
      return fail(-sent, "nobody serves in %s, though %s was run: the system log has the reason",
                  handle_.directory.data(), handle_.wrapper.data());
    }
    return fail(-ETIMEDOUT, "no answer in %s: asked %u times, for %lld ms each", handle_.directory.data(),
                handle_.attempts, static_cast<long long>(handle_.reply_timeout.count()));
  }

 private:
  // A server that is there and served, started where there is none.
  std::optional<Server> reach(int& result) noexcept {
    auto server = find_server(handle_);
    int error = server ? look_whether_bound(server->address) : errno;
    if (is_shortage(error)) {
      result = fail(-error, "the broker's socket cannot be looked at: %s", text_of(error));
      return std::nullopt;
    }
    // What else is wrong with one that is there, sending to it says; but one of another kind is none of a broker's.
    if (server && error != ECONNREFUSED && error != EPROTOTYPE) return server;
    result = run_wrapper(handle_);
    if (result != 0) return std::nullopt;
    server = find_server(handle_);
    if (!server) {
      error = is_shortage(errno) ? errno : ECONNREFUSED;
      result = fail(-error, "%s was run, but in %s no socket of root's for this installation can be opened",
                    handle_.wrapper.data(), handle_.directory.data());
    }
    return server;
  }

  int send(const Server& server) noexcept {
    header_ = {protocol::explained_bit, handle_.communication_key, 0, ::getpid(), turn_.next_sequence()};
    std::array<std::byte, protocol::maximum_datagram> bytes{};
    const std::size_t size = protocol::encode_request(header_, request_, bytes);
    if (size == 0) return EINVAL;
    // Where the broker's queue is full it waits for a place, and no longer than for an answer, however often it is
    // interrupted meanwhile.
    const auto deadline = Clock::now() + handle_.reply_timeout;
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - Clock::now());
      if (left.count() <= 0) return EAGAIN;
      const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
      const timeval patience{seconds.count(), (left - seconds).count()};
      (void)::setsockopt(socket_->get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      const ssize_t sent = ::sendto(socket_->get(), bytes.data(), size, MSG_NOSIGNAL,
                                    reinterpret_cast<const sockaddr*>(&server.address), sizeof server.address);
      if (sent >= 0) return 0;
      if (errno != EINTR) return errno;
    }
  }

  // The answer to this question; none in time, or none that can still come.
  std::optional<protocol::Reply> await(const Server& server) noexcept {
    const auto deadline = Clock::now() + handle_.reply_timeout;
    auto next_look = Clock::now() + look_interval;
    while (true) {
      const auto now = Clock::now();
      if (now >= deadline) return std::nullopt;
      // In this order: what it said before it ended is there. By the clock, since signals may end each wait early.
      bool cannot_come = false;
      if (now >= next_look) {
        cannot_come = look_whether_bound(server.address) == ECONNREFUSED || !socket_->has_name();
        next_look = now + look_interval;
      }
      while (const auto reply = take()) {
        if (reply->answers(header_)) return reply;
      }
      if (cannot_come) return std::nullopt;
      const auto pause = std::chrono::ceil<std::chrono::milliseconds>(std::min(deadline, next_look) - now);
      pollfd entry{socket_->get(), POLLIN, 0};
      (void)::poll(&entry, 1, static_cast<int>(pause.count()));
    }
  }

  // The next reply that is the broker's, of whatever question.
  std::optional<protocol::Reply> take() noexcept {
    while (true) {
      std::array<std::byte, protocol::header_size + 1> bytes{};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
      iovec data{bytes.data(), bytes.size()};
      msghdr message{};
      message.msg_iov = &data;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t size = ::recvmsg(socket_->get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return std::nullopt;
      if (!is_from_broker(message)) continue;
      const auto reply = protocol::decode_reply(std::span(bytes).first(static_cast<std::size_t>(size)));
      if (reply) return *reply;
    }
  }

  const Handle& handle_;
  const protocol::Request& request_;
  ProcessTurn& turn_;
  std::optional<OwnSocket> socket_;
  protocol::RequestHeader header_;
};

}  // namespace

int ask(const Handle& handle, const protocol::Request& request) noexcept {
  ProcessTurn turn;
  return Question(handle, request, turn).ask();
}

}  // namespace secshr::client
