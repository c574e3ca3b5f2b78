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

// A broker that ends tells nobody whose question it had: so often it is looked whether it is still there.
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
  Question(const Handle& handle, const protocol::Request& request, ProcessTurn& turn,
           const OwnSocket& socket) noexcept
      : handle_(handle), request_(request), turn_(turn), socket_(socket) {}

  int ask() noexcept {
    int result = 0;
    for (unsigned attempt = 0; attempt < handle_.attempts; ++attempt) {
      const auto server = reach(result);
      if (!server) return result;
      const auto sent = send(*server);
      if (sent == EAGAIN || sent == ECONNREFUSED) continue;
      if (sent != 0) return fail(-sent, "the broker cannot be asked: %s", std::strerror(sent));
      if (const auto reply = await(*server)) return reply->code() == 0 ? 0 : explain_refusal(*reply);
    }
    return fail(-ETIMEDOUT, "no answer in %s: asked %u times, for %lld ms each", handle_.directory.data(),
                handle_.attempts, static_cast<long long>(handle_.reply_timeout.count()));
  }

 private:
  // A server that is there and served, started where there is none.
  std::optional<Server> reach(int& result) noexcept {
    auto server = find_server(handle_);
    if (server && is_served(*server)) return server;
    result = run_wrapper(handle_);
    if (result != 0) return std::nullopt;
    server = find_server(handle_);
    if (!server) {
      result = fail(-ECONNREFUSED, "a broker was started, but %s has no socket of root's for this installation",
                    handle_.directory.data());
    }
    return server;
  }

  int send(const Server& server) noexcept {
    header_ = {protocol::explained_bit, handle_.communication_key, 0, ::getpid(), turn_.next_sequence()};
    std::array<std::byte, protocol::maximum_datagram> bytes{};
    const std::size_t size = protocol::encode_request(header_, request_, bytes);
    if (size == 0) return EINVAL;
    while (true) {
      const ssize_t sent = ::sendto(socket_.get(), bytes.data(), size, MSG_NOSIGNAL,
                                    reinterpret_cast<const sockaddr*>(&server.address), sizeof server.address);
      if (sent >= 0) return 0;
      if (errno != EINTR) return errno;
    }
  }

  // The answer to this question; none in time, or none that can still come.
  std::optional<protocol::Reply> await(const Server& server) noexcept {
    const auto deadline = Clock::now() + handle_.reply_timeout;
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return std::nullopt;
      pollfd entry{socket_.get(), POLLIN, 0};
      const int ready = ::poll(&entry, 1, static_cast<int>(std::min(left, look_interval).count()));
      // In this order: what it said before it ended is there.
      const bool has_ended = ready == 0 && !is_served(server);
      while (const auto reply = take()) {
        if (reply->answers(header_)) return reply;
      }
      if (has_ended) return std::nullopt;
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
      const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
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
  const OwnSocket& socket_;
  protocol::RequestHeader header_;
};

}  // namespace

int ask(const Handle& handle, const protocol::Request& request) noexcept {
  ProcessTurn turn;
  const OwnSocket socket(handle);
  if (socket.result() != 0) return socket.result();
  return Question(handle, request, turn, socket).ask();
}

}  // namespace secshr::client
