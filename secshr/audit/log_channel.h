// The broker's way into the audit log: to a process of its own that writes it, so that a disk that hangs stops
// nothing but that process, and no descriptor of the log is in the broker. A second such process writes the copy,
// which can fail, fill or vanish without any effect.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "secshr/audit/line_message.h"
#include "secshr/audit/log.h"
#include "secshr/kernel.h"
#include "system/descriptor.h"

namespace secshr {

class LogChannel final : public Log {
 public:
  // Channels to processes that serve_log(); `copy` may be none.
  explicit LogChannel(Descriptor channel, Descriptor copy = Descriptor()) noexcept
      : channel_(std::move(channel)), copy_(std::move(copy)) {}

  // Never waits. What the channel has no room for is lost, and counted; but a change is kept until it has. Where so
  // many are kept that there is no room for more, so is a change. Where nobody writes it any more, so is every line,
  // and the ticket of a change is of one that is never written.
  Ticket write(std::string_view line, Importance importance) noexcept override;
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return ticket <= written_; }
  void count_lost() noexcept override { count(1); }
  // Lines that did not get through, or that could not be written.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_in_all_; }

  // Readable when there is word of written lines.
  [[nodiscard]] int descriptor() const noexcept { return channel_.get(); }
  // Takes what word there is.
  void take_reports() noexcept;
  // The process is gone: nothing is written any more.
  [[nodiscard]] bool is_gone() const noexcept { return gone_; }
  // At the end: waits until everything is written, but no longer than that.
  void drain(MonotonicTime until) noexcept;

 private:
  [[nodiscard]] bool send(std::span<const std::byte> message) noexcept;
  [[nodiscard]] bool keep(std::span<const std::byte> message) noexcept;
  void send_kept() noexcept;
  void give_up() noexcept;
  void count(std::uint64_t lines) noexcept;
  void write_copy(const LineMessage& message) noexcept;

  Descriptor channel_;
  Descriptor copy_;
  std::array<std::byte, line_message_size> bytes_{};
  std::deque<std::vector<std::byte>> kept_;  // messages, in their order, behind all that are in the channel
  std::size_t kept_bytes_ = 0;
  Ticket last_ = 0;
  Ticket written_ = 0;
  std::uint64_t lost_ = 0;  // since the last line that went through
  std::uint64_t lost_to_copy_ = 0;
  std::uint64_t lost_in_all_ = 0;
  bool gone_ = false;
};

}  // namespace secshr
