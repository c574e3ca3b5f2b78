#include "secshr/audit/recorder.h"

#include <fcntl.h>

#include <array>
#include <memory>

#include "secshr/audit/line_message.h"
#include "secshr/audit/log_file.h"
#include "secshr/descriptor_passing.h"

namespace secshr {

void serve_log(int channel, int file) noexcept try {
  LogFile log(Descriptor(::fcntl(file, F_DUPFD_CLOEXEC, 0)));
  const auto bytes = std::make_unique<std::array<std::byte, line_message_size>>();
  while (true) {
    const auto received = receive_message(channel, *bytes, Wait::yes);
    if (!received || received->size == 0) return;
    const auto message = decode_line_message(std::span(*bytes).first(received->size));
    if (!message) return;
    log.count_lost(message->lost);
    (void)log.write(message->line, Importance::change);
    if (!send_message(channel, encode_line_report(message->ticket), -1, Wait::yes)) return;
  }
} catch (...) {
  return;  // no memory to begin with: another one takes its place
}

}  // namespace secshr
