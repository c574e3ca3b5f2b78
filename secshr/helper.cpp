#include "secshr/helper.h"

#include <array>
#include <cerrno>

#include "secshr/descriptor_passing.h"

namespace secshr {

std::expected<void, int> LookerChannel::submit(const LookRequest& request, int pidfd) noexcept {
  std::array<std::byte, look_request_size> bytes{};
  const std::size_t size = encode_look_request(request, bytes);
  return send_message(channel_.get(), std::span(bytes).first(size), pidfd, Wait::no);
}

std::expected<Seen, int> LookerChannel::receive() noexcept {
  std::array<std::byte, look_report_size> bytes{};
  auto message = receive_message(channel_.get(), bytes, Wait::no);
  if (!message) return std::unexpected(message.error());
  if (message->size == 0) return std::unexpected(EPIPE);
  const auto report = decode_look_report(std::span(bytes).first(message->size));
  if (!report) return std::unexpected(EBADMSG);
  return Seen{*report, std::move(message->descriptor)};
}

std::expected<void, int> WriterChannel::submit(const WriteRequest& request, int file) noexcept {
  return send_message(channel_.get(), encode_write_request(request), file, Wait::no);
}

std::expected<WriteReport, int> WriterChannel::receive() noexcept {
  std::array<std::byte, write_report_size> bytes{};
  const auto message = receive_message(channel_.get(), bytes, Wait::no);
  if (!message) return std::unexpected(message.error());
  if (message->size == 0) return std::unexpected(EPIPE);
  const auto report = decode_write_report(std::span(bytes).first(message->size));
  if (!report) return std::unexpected(EBADMSG);
  return *report;
}

}  // namespace secshr
