#include "secshr/audit/recorder.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>

#include "secshr/audit/line_message.h"
#include "secshr/audit/log_file.h"
#include "secshr/descriptor_passing.h"

namespace secshr {

void serve_log(int channel, int file) noexcept try {
  LogFile log(Descriptor(::fcntl(file, F_DUPFD_CLOEXEC, 0)));
  const auto bytes = std::make_unique<std::array<std::byte, line_message_size>>();
  while (true) {
    // It stays in the channel until its line is written: whoever takes the place of one that was killed over it finds
    // it there, and a line that is there twice is better than one that is missing.
    const ssize_t size = ::recv(channel, bytes->data(), bytes->size(), MSG_PEEK | MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0 || static_cast<std::size_t>(size) > bytes->size()) return;
    const auto message = decode_line_message(std::span(*bytes).first(static_cast<std::size_t>(size)));
    if (!message) return;
    const std::uint64_t refused_before = log.refused();
    log.count_lost(message->lost);
    (void)log.write(message->line, Importance::change);
    const LineReport report{message->ticket, log.refused() - refused_before};
    // Before the word goes back, which wakes the broker up: to be killed behind that leaves no line twice.
    (void)::recv(channel, bytes->data(), 1, MSG_DONTWAIT);
    if (!send_message(channel, encode_line_report(report), -1, Wait::yes)) return;
  }
} catch (...) {
  return;  // no memory to begin with: another one takes its place
}

}  // namespace secshr
