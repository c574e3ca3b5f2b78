#include "secshr/control/running_broker.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "secshr/datagram_socket.h"
#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"

namespace secshr {
namespace {

using Clock = std::chrono::steady_clock;

// The bytes of the next message, and what came with it.
std::expected<Message, int> next_message(int conversation, std::span<std::byte> buffer,
                                         Clock::time_point deadline) noexcept {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd entry{conversation, POLLIN, 0};
  if (left <= 0 || ::poll(&entry, 1, static_cast<int>(left)) != 1) return std::unexpected(ETIMEDOUT);
  auto message = receive_message(conversation, buffer, Wait::no);
  if (message && message->size == 0) return std::unexpected(ECONNRESET);
  return message;
}

}  // namespace

std::expected<RunningBroker, int> RunningBroker::connect(int directory) noexcept {
  Descriptor conversation(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!conversation) return std::unexpected(errno);
  const sockaddr_un address = address_in(directory, control_name);
  if (::connect(conversation.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::unexpected(errno);
  }
  return RunningBroker(std::move(conversation));
}

bool RunningBroker::ask(ControlRequest request) noexcept {
  return send_message(conversation_.get(), encode_control_request(request), -1, Wait::no).has_value();
}

std::expected<BrokerReport, int> RunningBroker::report() {
  if (!ask(ControlRequest::state)) return std::unexpected(errno);
  std::array<std::byte, maximum_directory_state_size> bytes{};
  const auto deadline = Clock::now() + limits::report_deadline;
  const auto first = next_message(conversation_.get(), bytes, deadline);
  if (!first) return std::unexpected(first.error());
  const auto state = decode_broker_state(std::span(bytes).first(first->size));
  if (!state || state->directories > limits::most_directories) return std::unexpected(EBADMSG);
  BrokerReport report{*state, {}};
  for (std::uint32_t each = 0; each < state->directories; ++each) {
    auto message = next_message(conversation_.get(), bytes, deadline);
    if (!message) return std::unexpected(message.error());
    auto directory = decode_directory_state(std::span(bytes).first(message->size));
    if (!directory || !message->descriptor) return std::unexpected(EBADMSG);
    report.directories.push_back({*std::move(directory), std::move(message->descriptor)});
  }
  return report;
}

}  // namespace secshr
