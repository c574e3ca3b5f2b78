// The way to whichever system log there is: the journal's own socket, or else /dev/log. Every datagram looks both up
// anew, so that a daemon that was restarted is found; a daemon that takes streams is connected to again. Nothing
// waits: what neither takes at once is gone.
#pragma once

#include <sys/un.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "secshr/limits.h"
#include "system/descriptor.h"

namespace secshr {

struct SystemLogPlaces {
  std::string_view journal = "/run/systemd/journal/socket";
  std::string_view syslog = "/dev/log";
};

class SystemLogSocket {
 public:
  // In the process that is going to log, before it gives socket(2) away. Where a name is longer than an address can
  // be, nobody listens.
  explicit SystemLogSocket(const SystemLogPlaces& places = {}) noexcept;

  // One message in the words of each: `entry` in the journal's protocol, `line` in syslog's. One of them is sent.
  void send(std::string_view entry, std::string_view line) noexcept;

 private:
  // 0, or an errno.
  [[nodiscard]] int send_to(const std::optional<sockaddr_un>& place, std::string_view message) const noexcept;
  void send_in_stream(std::string_view line) noexcept;
  [[nodiscard]] bool connect_stream() noexcept;

  std::optional<sockaddr_un> journal_;
  std::optional<sockaddr_un> syslog_;
  Descriptor socket_;
  // For a /dev/log that takes streams. A connection that has broken is of no more use, and no socket can be made
  // later, so that there is one for each time that the daemon is restarted while this broker lives.
  std::array<Descriptor, limits::system_log_connections> streams_;
  std::size_t stream_ = 0;  // the first that is not used up
  bool connected_ = false;
};

}  // namespace secshr
