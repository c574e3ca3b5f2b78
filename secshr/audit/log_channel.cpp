#include "secshr/audit/log_channel.h"

#include <poll.h>

#include <cerrno>
#include <span>

#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"

namespace secshr {

static_assert(limits::parked_exchanges * line_message_size <= limits::kept_lines_size);

Ticket LogChannel::write(std::string_view line, Importance importance) noexcept {
  send_kept();
  LineMessage message{last_ + 1, lost_, line};
  // Room is kept for what was changed, which nobody can be told of before it is written.
  const bool is_behind = last_ - written_ >= limits::routine_lines_waiting;
  const std::size_t size = encode_line_message(message, bytes_);
  const auto bytes = std::span<const std::byte>(bytes_).first(size);
  const bool is_change = importance == Importance::change;
  const bool takes = size > 0 && (is_change || !is_behind) && (send(bytes) || (is_change && keep(bytes)));
  if (!takes) {
    count(1);
    return gone_ && is_change ? ++last_ : 0;
  }
  ++last_;
  lost_ = 0;
  message.lost = lost_to_copy_;
  write_copy(message);
  return last_;
}

bool LogChannel::send(std::span<const std::byte> message) noexcept {
  if (gone_ || !kept_.empty()) return false;
  const auto sent = send_message(channel_.get(), message, -1, Wait::no);
  // What it said before it went counts.
  if (!sent && sent.error() != EAGAIN) take_reports();
  return sent.has_value();
}

// The channel is full of lines that are not written yet, so that there will be word of them.
bool LogChannel::keep(std::span<const std::byte> message) noexcept try {
  if (gone_ || kept_bytes_ + message.size() > limits::kept_lines_size) return false;
  kept_.emplace_back(message.begin(), message.end());
  kept_bytes_ += message.size();
  return true;
} catch (...) {
  return false;  // out of memory for one line
}

// That the other side has gone is found out by whoever waits for its word.
void LogChannel::send_kept() noexcept {
  while (!kept_.empty()) {
    const auto sent = send_message(channel_.get(), kept_.front(), -1, Wait::no);
    if (!sent && sent.error() != EMSGSIZE) return;
    if (!sent) count(1);  // more than the channel takes at all: it must not be in the others' way
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
  }
}

void LogChannel::write_copy(const LineMessage& message) noexcept {
  if (!copy_) return;
  const std::size_t size = encode_line_message(message, bytes_);
  const auto sent = send_message(copy_.get(), std::span(bytes_).first(size), -1, Wait::no);
  lost_to_copy_ = sent ? 0 : lost_to_copy_ + 1;
  // Its word is of no interest, but must not fill the channel.
  std::array<std::byte, line_report_size> report{};
  while (true) {
    const auto taken = receive_message(copy_.get(), report, Wait::no);
    if (!taken) return;
    if (taken->size == 0) return copy_.reset();
  }
}

// Of what was on its way nobody can say whether it was written.
void LogChannel::give_up() noexcept {
  gone_ = true;
  kept_.clear();
  kept_bytes_ = 0;
  count(last_ - written_);
}

void LogChannel::count(std::uint64_t lines) noexcept {
  lost_ += lines;
  lost_in_all_ += lines;
}

void LogChannel::take_reports() noexcept {
  std::array<std::byte, line_report_size> bytes{};
  while (!gone_) {
    const auto message = receive_message(channel_.get(), bytes, Wait::no);
    if (!message && message.error() == EAGAIN) return send_kept();
    // Once, before what it said last: it left lines unread.
    if (!message && message.error() == ECONNRESET) continue;
    if (!message) return give_up();
    const auto report = decode_line_report(std::span(bytes).first(message->size));
    if (!report || report->ticket > last_) return give_up();
    if (report->ticket <= written_) continue;
    lost_in_all_ += report->refused;
    written_ = report->ticket;
  }
}

void LogChannel::drain(MonotonicTime until) noexcept {
  while (written_ < last_ && !gone_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd entry{channel_.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&entry, 1, static_cast<int>(left)) <= 0) return;
    take_reports();
  }
}

}  // namespace secshr
